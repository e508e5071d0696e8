"""The market in headless Chromium: a purchase from search to payout, and pictures of every page."""
