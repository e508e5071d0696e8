"""Returns and complaints: a customer asks, the vendor or staff answer, goods come back, the refund follows.
It moves no money itself: settlement does.
"""
