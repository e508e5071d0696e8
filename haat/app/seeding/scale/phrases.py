"""The words that goods of a large market are described with."""

MATERIALS = {
    "Electronics": "aluminium, matte plastic, glass, carbon, brushed steel",
    "Home": "cotton, linen, oak, bamboo, velvet, wool, recycled polyester, jute",
    "Kitchen": "stainless steel, cast iron, ceramic, glass, beech, enamel, silicone, copper",
    "Fashion": "cotton, linen, merino wool, silk, denim, viscose, khadi, fleece",
    "Shoes": "leather, suede, canvas, mesh, rubber, nubuck",
    "Beauty": "glass, aluminium, recycled plastic, bamboo",
    "Sport": "nylon, polyester, neoprene, carbon, foam, aluminium",
    "Children": "organic cotton, beech, felt, silicone, cardboard, plush",
    "Garden": "steel, teak, terracotta, galvanised steel, rattan, acacia",
    "Tools": "forged steel, carbon steel, fibreglass, rubber, chrome vanadium",
    "Books": "recycled paper, linen, leather, hardback, softcover",
    "Food": "organic, fair trade, stone ground, wild, single origin",
    "Pets": "plush, cotton rope, stainless steel, rattan, nylon, felt",
    "Automotive": "microfibre, rubber, neoprene, steel, ceramic",
}
WORTH = {  # what goods of a department cost as a rule, in minor units
    "Electronics": 7900, "Home": 3900, "Kitchen": 3400, "Fashion": 4200, "Shoes": 6900,
    "Beauty": 1900, "Sport": 4500, "Children": 2600, "Garden": 5200, "Tools": 4900,
    "Books": 1700, "Food": 1100, "Pets": 2700, "Automotive": 3300,
}  # fmt: skip
SIZED = frozenset({"Fashion", "Shoes", "Pets"})
CHARACTERS = (
    "classic, compact, foldable, lightweight, portable, premium, quiet, rugged, slim, sturdy,"
    " waterproof, wireless, adjustable, heavy duty, hand made, easy care, extra long, low profile,"
    " quick dry, all season, reversible, stackable, travel size, family size, professional,"
    " everyday, limited edition"
)
COLOURS = (
    "black, white, grey, navy, red, forest green, sand, olive, sky blue, burgundy, mustard, teal,"
    " charcoal, ivory, rust, lilac, copper, mint, coral, brown"
)
SIZES = {
    "Fashion": ("XS", "S", "M", "L", "XL", "XXL"),
    "Shoes": ("36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46"),
    "Pets": ("S", "M", "L"),
}
PURPOSES = (
    "small kitchens, long journeys, the office, home use, beginners, professionals, winter, summer,"
    " rainy days, large families, students, gifts, weekend trips, daily use, tight spaces, the"
    " workshop, outdoor use, festivals, night shifts, children, commuters, balconies, guests"
)
ORIGINS = (
    "Bangladesh, Portugal, Germany, India, Italy, Japan, Vietnam, Turkey, Poland, Sweden, Kenya,"
    " Mexico, Peru, Morocco, France, Spain"
)
OPENINGS = (
    "The {noun} that {brand} is known for, now in {material}.",
    "A {character} {noun} made for {purpose}.",
    "Designed in {origin} and built to be repaired, not replaced.",
    "We made this {noun} because the ones we had kept breaking.",
    "{brand} {series} stands for goods that last; this {noun} is the best seller of the series.",
    "A {noun} for {purpose}: {character}, {colour} and easy to look after.",
)
SENTENCES = (
    "The {material} is chosen by hand and checked twice before it leaves the workshop.",
    "It weighs {weight} g and fits into most bags and drawers.",
    "Customers use it for {purpose} as well as for {purpose2}.",
    "Every seam and edge is finished, so that nothing scratches, frays or rattles.",
    "Wipe it with a damp cloth; do not put it into strong sunlight for weeks.",
    "Spare parts are kept for {years} years and can be ordered one by one.",
    "The surface is {colour} all the way through, so small marks do not show.",
    "Packed without plastic in a box that can be used again.",
    "What is new in the {series} series is the {character2} shape and a better balance.",
    "It was tested {tests} times in our own laboratory before the first one was sold.",
    "Made in {origin} by a team of {people} people who sign what they make.",
    "If it does not suit you, send it back within thirty days at no cost.",
    "Goes well with the other goods of the {brand} {series} line.",
    "Measured across it is {wide} cm wide and {tall} cm tall.",
    "The {years} year warranty covers material and making, not wear.",
    "Unlike cheaper ones it keeps its form after a season of daily use.",
    "A short guide in English and Bengali is in the box.",
    "For {purpose} we recommend the next larger size.",
    "The grip stays firm with wet hands and in the cold.",
    "It can be taken apart without tools to clean it thoroughly.",
    "Certified by an independent body; the number is printed on the label.",
    "Reviewers praised the {character} build and the quiet way it works.",
    "Choose {colour} for a calm look or one of the other colours for more contrast.",
    "Rated for {tests} uses, which is about {years} years in an ordinary household.",
)
FEATURES = (
    "keeps its shape, safe for families, no sharp edges, low energy use, fits standard sizes,"
    " replaceable parts, dishwasher safe, machine washable, non slip base, two year warranty,"
    " water resistant, scratch resistant, tool free assembly, flat packed, breathable, anti static,"
    " allergy tested, noise reduced, shock absorbing, fast charging"
)
SYLLABLES = (
    "al an ar bel bor cas cor dan del dor el en fal fen gar gel han hol il jor kal kes lin lor mar"
    " mel mir nal nor ol or pel quin ral ren sal sen sol tal ten tor ul val ver vin wel wyn yar zan"
)
ENDINGS = "a ex o ia us ware line craft field wood mark stone by haus lab works"
TRADES = "Store, Traders, Workshop, Outlet, Goods, Supply, House, Collective, Bazaar, Emporium"

BENGALI = {  # what goods of a department are called
    "Fashion": "শাড়ি, পাঞ্জাবি, ওড়না, শাল, ফতুয়া, কুর্তি, লুঙ্গি, গামছা",
    "Home": "নকশি কাঁথা, বিছানার চাদর, বালিশ, পর্দা, শীতল পাটি, ঝুড়ি, মোমবাতি",
    "Kitchen": "মাটির হাঁড়ি, কড়াই, থালা, গ্লাস, চায়ের কাপ, পানির বোতল, প্রেশার কুকার",
    "Food": "সরিষার তেল, মধু, চা পাতা, বাসমতি চাল, মসুর ডাল, হলুদ গুঁড়া, খেজুর গুড়",
    "Books": "উপন্যাস, কবিতার বই, খাতা, কলম, রান্নার বই, ইতিহাসের বই",
    "Children": "খেলনা গাড়ি, পুতুল, শিশুর কাঁথা, স্কুল ব্যাগ, রঙ পেন্সিল",
    "Shoes": "চামড়ার জুতা, স্যান্ডেল, চপ্পল, কেডস",
    "Beauty": "চুলের তেল, সাবান, আতর, মেহেদি, ফেস প্যাক",
}
BENGALI_CHARACTERS = (
    "হাতে বোনা, সুতি, খাঁটি, দেশি, রেশমি, হালকা, মজবুত, নতুন নকশার, জামদানি, খাদি, পাটের, বাঁশের,"
    " কাঠের, পিতলের, রঙিন, আরামদায়ক, ঐতিহ্যবাহী, ঈদের বিশেষ"
)
BENGALI_SENTENCES = (
    "ঢাকার কারিগরদের হাতে তৈরি এই {noun} প্রতিদিনের ব্যবহারের জন্য উপযোগী।",
    "ভালো মানের কাঁচামাল দিয়ে তৈরি, তাই অনেক দিন টেকে।",
    "উপহার হিসেবে দেওয়ার জন্য সুন্দর মোড়কে পাঠানো হয়।",
    "{brand} বহু বছর ধরে {noun} তৈরি করে আসছে।",
    "পরিষ্কার করা সহজ এবং রঙ ওঠে না।",
    "পছন্দ না হলে ত্রিশ দিনের মধ্যে ফেরত দেওয়া যাবে।",
    "বাংলাদেশের গ্রামের মেয়েরা যত্ন করে এটি বানান।",
    "ওজন {weight} গ্রাম, সঙ্গে নিয়ে চলা সহজ।",
    "ঈদ, পূজা ও বিয়ের অনুষ্ঠানে সমান মানানসই।",
    "একই রকম আরও {noun} আমাদের দোকানে আছে।",
)
