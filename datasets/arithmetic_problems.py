"""The word problems of arithmetic.parquet: texts with gaps, what fills the gaps, and two ways to each answer."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from word_problem import Problem, cents, decimals, halves

PROBLEMS = (
    Problem(
        "shopping",
        "{name} buys {n} {item} at ${price} each and pays with a ${note} bill. "
        "How many dollars does {name} get back?",
        {"n": range(2, 8), "item": ("notebooks", "mugs", "batteries", "candles"),
         "price": decimals("1.25", "6.95", "0.05"), "note": (20, 50)},
        "note - n * price",
        lambda v: Fraction(cents(v.note) - sum([cents(v.price)] * v.n), 100),
        lambda v: v.note - 20 < v.n * v.price < v.note,
    ),
    Problem(
        "remainders",
        "{name} shares {n} {item} among {k} children. All get the same number, and as many as possible. "
        "How many {item} are left over?",
        {"n": range(25, 180), "item": ("stickers", "marbles", "dates", "walnuts"), "k": range(4, 14)},
        "n % k",
        lambda v: v.n - len(range(v.k, v.n + 1, v.k)) * v.k,
        lambda v: v.n % v.k > 0,
    ),
    Problem(
        "remainders",
        "{people} people are going to {event} in {vehicles} that take {seats} passengers each. "
        "What is the smallest number of {vehicles} that can take everyone at once?",
        {"people": range(60, 420), "event": ("a museum", "a wedding", "a football match"),
         "vehicles": ("buses", "coaches", "ferries"), "seats": range(24, 58)},
        "ceil(people / seats)",
        lambda v: len(range(0, v.people, v.seats)),
    ),
    Problem(
        "distance",
        "A train runs at {fast} km/h for {long} hours and then at {slow} km/h for {short} hours. "
        "How many kilometres does it cover in all?",
        {"fast": range(110, 210, 10), "long": (2, Decimal("2.5"), 3, 4), "slow": range(60, 100, 5),
         "short": (Decimal("1.5"), 2, Decimal("2.5"))},
        "fast * long + slow * short",
        lambda v: Fraction(v.fast * int(v.long * 60) + v.slow * int(v.short * 60), 60),
    ),
    Problem(
        "rates",
        "{name} drives {km} km in {hours} hours. What is the average speed in km/h?",
        {"km": range(120, 520, 10), "hours": (2, Decimal("2.5"), 4, 5)},
        "km / hours",
        lambda v: Fraction(v.km * 60, int(v.hours * 60)),
        lambda v: 50 <= v.km / v.hours <= 110,
    ),
    Problem(
        "time",
        "A film lasts {hours} hours and {minutes} minutes. {name} stops watching after {seen} minutes. "
        "How many minutes of the film are left?",
        {"hours": (2, 3), "minutes": range(5, 56), "seen": range(20, 110)},
        "hours * 60 + minutes - seen",
        lambda v: len(range(v.seen, 60 * v.hours + v.minutes)),
    ),
    Problem(
        "percentages",
        "A {item} costs ${price}. In the sale it is {p}% cheaper. How many dollars does it cost in the sale?",
        {"item": ("jacket", "lamp", "suitcase", "guitar"), "price": range(24, 280, 4),
         "p": (5, 10, 15, 20, 25, 30, 35, 40)},
        "price - percent(p, price)",
        lambda v: Fraction(v.price * (100 - v.p), 100),
    ),
    Problem(
        "percentages",
        "A bicycle is priced at ${price}. The shop first takes {p}% off, and then {t}% sales tax is added "
        "to the reduced price. How many dollars does {name} pay?",
        {"price": range(200, 900, 50), "p": (10, 20, 25, 30), "t": (4, 5, 6, 8, 10)},
        "percent(100 + t, percent(100 - p, price))",
        lambda v: (reduced := v.price - Fraction(v.price * v.p, 100)) + reduced * v.t / 100,
    ),
    Problem(
        "percentages",
        "A school has {n} students, and {p}% of them walk to school. How many students do not walk to school?",
        {"n": range(240, 1300, 20), "p": (15, 20, 25, 30, 35, 40, 45, 55, 60)},
        "n - percent(p, n)",
        lambda v: Fraction(v.n, 100) * (100 - v.p),
        lambda v: v.n * v.p % 100 == 0,
    ),
    Problem(
        "percentages",
        "The population of a town was {n:,}. It grew by {p}% in the first year and shrank by {q}% in the second. "
        "What was the population after the two years?",
        {"n": range(4000, 60000, 1000), "p": (4, 5, 8, 10, 12), "q": (2, 3, 5, 10)},
        "percent(100 - q, percent(100 + p, n))",
        lambda v: (grown := v.n + v.n * v.p // 100) - grown * v.q // 100,
        lambda v: v.n * v.p % 100 == 0 and v.n * (100 + v.p) * v.q % 10000 == 0,
    ),
    Problem(
        "fractions",
        "{name} has read {a}/{b} of a book of {pages} pages. How many pages are still to be read?",
        {"a": range(1, 8), "b": (3, 4, 5, 6, 8, 9), "pages": range(120, 640, 4)},
        "pages - pages * a / b",
        lambda v: v.pages // v.b * (v.b - v.a),
        lambda v: v.a < v.b and Fraction(v.a, v.b).denominator == v.b and v.pages % v.b == 0,
    ),
    Problem(
        "fractions",
        "{name} spends 1/{b} of a monthly pay of ${pay:,} on rent and ${food} on food. How many dollars remain?",
        {"b": (3, 4, 5), "pay": range(1500, 4800, 60), "food": range(180, 520, 10)},
        "pay - pay / b - food",
        lambda v: Fraction(v.pay * (v.b - 1), v.b) - v.food,
        lambda v: v.pay % v.b == 0,
    ),
    Problem(
        "ages",
        "{name} is {x} years old, which is {k} times the age of {other}. How old will {other} be in {t} years?",
        {"x": range(24, 73), "k": (2, 3, 4, 6), "t": range(3, 16)},
        "x / k + t",
        lambda v: next(age for age in range(100) if age * v.k == v.x) + v.t,
        lambda v: v.x % v.k == 0,
    ),
    Problem(
        "ages",
        "The ages of {name} and {other} add up to {total} years. {name} is {d} years older than {other}. "
        "How old is {name}?",
        {"total": range(24, 110), "d": range(2, 20)},
        "(total + d) / 2",
        lambda v: next(age for age in range(150) if age + (age - v.d) == v.total),
        lambda v: (v.total + v.d) % 2 == 0 and v.total > v.d + 8,
    ),
    Problem(
        "baking",
        "A recipe for {serves} muffins needs {grams} grams of flour. {name} wants to bake {wanted} muffins. "
        "How many grams of flour are needed?",
        {"serves": (6, 8, 10, 12), "grams": range(150, 420, 10), "wanted": range(9, 61, 3)},
        "grams / serves * wanted",
        lambda v: Fraction(v.grams * v.wanted, v.serves),
        lambda v: v.grams * v.wanted % v.serves == 0 and v.wanted != v.serves,
    ),
    Problem(
        "baking",
        "{name} bakes {trays} trays of cookies, each with {rows} rows of {per} cookies. {burnt} cookies burn and are "
        "thrown away; the rest go into boxes of {box}. How many boxes can be filled completely?",
        {"trays": range(2, 7), "rows": (3, 4, 5), "per": (4, 5, 6), "burnt": range(2, 12), "box": (6, 8, 9, 10, 12)},
        "(trays * rows * per - burnt) // box",
        lambda v: len(range(v.box, v.trays * v.rows * v.per - v.burnt + 1, v.box)),
    ),
    Problem(
        "units",
        "A cooler holds {litres} litres of {drink}. How many glasses of {ml} millilitres can be filled to the brim "
        "from it?",
        {"litres": halves(7, 39), "drink": ("lemonade", "iced tea", "barley tea"),
         "ml": (150, 180, 220, 250, 300, 330)},
        "litres * 1000 // ml",
        lambda v: len(range(v.ml, int(v.litres * 1000) + 1, v.ml)),
    ),
    Problem(
        "units",
        "{name} cuts as many {cm}-centimetre pieces as possible from a ribbon {m} metres long. "
        "How many centimetres of ribbon are left?",
        {"cm": range(12, 60), "m": halves(3, 19)},
        "m * 100 % cm",
        lambda v: int(v.m * 100) - v.cm * (int(v.m * 100) // v.cm),
        lambda v: v.m * 100 % v.cm > 0,
    ),
    Problem(
        "money",
        "{name} earns ${rate} an hour and works {h} hours a day on {d} days. {tax}% of the pay is kept back as tax. "
        "How many dollars does {name} receive?",
        {"rate": range(14, 41), "h": (4, 6, 7, 8), "d": (3, 4, 5, 6), "tax": (10, 12, 15, 20)},
        "percent(100 - tax, rate * h * d)",
        lambda v: (gross := v.h * v.d * v.rate) - Fraction(gross * v.tax, 100),
    ),
    Problem(
        "money",
        "{name} has {start:,} won and puts aside {x:,} won every week. After how many weeks does {name} first have at "
        "least {goal:,} won?",
        {"start": range(20000, 90000, 5000), "x": range(8000, 30000, 1000), "goal": range(150000, 400000, 10000)},
        "ceil((goal - start) / x)",
        lambda v: next(week for week in range(100) if v.start + week * v.x >= v.goal),
    ),
    Problem(
        "money",
        "A phone plan costs €{base} a month with {gb} gigabytes included; every further gigabyte costs €{extra}. "
        "{name} uses {used} gigabytes in one month. How many euros does that month cost?",
        {"base": range(9, 30), "gb": (5, 8, 10, 15), "extra": decimals("0.80", "2.50", "0.10"), "used": range(11, 32)},
        "base + (used - gb) * extra",
        lambda v: Fraction(cents(v.base) + sum([cents(v.extra)] * (v.used - v.gb)), 100),
        lambda v: v.used > v.gb + 1,
    ),
    Problem(
        "money",
        "{name} puts ${amount:,} into an account that pays {p}% simple interest a year. "
        "How many dollars are in the account after {years} years, if nothing is taken out?",
        {"amount": range(400, 6000, 50), "p": (2, 3, 4, 5, 6), "years": range(2, 9)},
        "amount + percent(p, amount) * years",
        lambda v: Fraction(v.amount * (100 + v.p * v.years), 100),
    ),
    Problem(
        "rates",
        "One machine fills {a} bottles a minute and another fills {b}. Working side by side, how many minutes do they "
        "need for {n:,} bottles?",
        {"a": range(18, 60, 2), "b": range(15, 70, 5), "n": range(600, 4000, 20)},
        "n / (a + b)",
        lambda v: next(minute for minute in range(1000) if v.a * minute + v.b * minute == v.n),
        lambda v: v.n % (v.a + v.b) == 0 and v.a != v.b,
    ),
    Problem(
        "rates",
        "A tank holds {full} litres and already contains {start} litres of water. A tap adds {fill} litres a "
        "minute, while "
        "a leak loses {leak} litres a minute. After how many minutes is the tank full?",
        {"full": range(200, 900, 20), "start": range(20, 160, 10), "fill": range(9, 30), "leak": range(2, 7)},
        "(full - start) / (fill - leak)",
        lambda v: next(minute for minute in range(1000) if v.start + minute * v.fill - minute * v.leak >= v.full),
        lambda v: (v.full - v.start) % (v.fill - v.leak) == 0,
    ),
    Problem(
        "distance",
        "{name} and {other} cycle away from the same bridge in opposite directions, {name} at {a} km/h and {other} at "
        "{b} km/h. How many kilometres apart are they after {hours} hours?",
        {"a": range(14, 27), "b": range(12, 24), "hours": (Decimal("1.5"), 2, Decimal("2.5"), 3)},
        "(a + b) * hours",
        lambda v: Fraction(v.a * int(v.hours * 60), 60) + Fraction(v.b * int(v.hours * 60), 60),
        lambda v: v.a != v.b,
    ),
    Problem(
        "distance",
        "{name} leaves home on foot at {a} metres a minute. {t} minutes later {other} follows by bicycle at {b} "
        "metres a "
        "minute on the same road. How many minutes after setting off does {other} catch up with {name}?",
        {"a": range(60, 96, 5), "t": range(6, 25), "b": range(180, 330, 10)},
        "a * t / (b - a)",
        lambda v: next(minute for minute in range(100) if v.b * minute >= v.a * (v.t + minute)),
        lambda v: v.a * v.t % (v.b - v.a) == 0,
    ),
    Problem(
        "geometry",
        "A rectangular garden is {w} metres long and {h} metres wide. A fence at ${price} a metre goes all the way "
        "round, "
        "except for a gate {gate} metres wide. How many dollars does the fence cost?",
        {"w": range(12, 40), "h": range(6, 26), "price": range(8, 27), "gate": (2, 3, 4)},
        "(2 * (w + h) - gate) * price",
        lambda v: sum(side * v.price for side in (v.w, v.h, v.w, v.h)) - v.gate * v.price,
        lambda v: v.w > v.h,
    ),
    Problem(
        "averages",
        "{name} scored {a}, {b} and {c} points in three tests. How many points are needed in the fourth test for an "
        "average of exactly {mean} points over the four?",
        {"a": range(62, 99), "b": range(62, 99), "c": range(62, 99), "mean": range(70, 93)},
        "4 * mean - a - b - c",
        lambda v: next(points for points in range(-400, 400) if Fraction(v.a + v.b + v.c + points, 4) == v.mean),
        lambda v: 55 <= 4 * v.mean - v.a - v.b - v.c <= 100 and len({v.a, v.b, v.c}) == 3,
    ),
    Problem(
        "ratios",
        "Green paint is mixed from {a} parts of blue and {b} parts of yellow. "
        "How many litres of blue are needed for {total} litres of this green?",
        {"a": range(2, 8), "b": range(2, 8), "total": range(10, 90)},
        "total / (a + b) * a",
        lambda v: Fraction(v.total) - Fraction(v.total * v.b, v.a + v.b),
        lambda v: Fraction(v.a, v.b).denominator == v.b and v.total % (v.a + v.b) == 0,
    ),
    Problem(
        "shopping",
        "At the {place}, a ticket costs ${adult} for an adult and ${child} for a child. A group of {na} adults and "
        "{nc} "
        "children has a voucher for ${off} off the total. How many dollars does the group pay?",
        {"place": ("zoo", "planetarium", "aquarium", "folk museum"), "adult": range(12, 29),
         "child": range(5, 12), "na": range(2, 7), "nc": range(2, 12), "off": (5, 10, 15, 20)},
        "na * adult + nc * child - off",
        lambda v: sum([v.adult] * v.na + [v.child] * v.nc) - v.off,
    ),
)  # fmt: skip
