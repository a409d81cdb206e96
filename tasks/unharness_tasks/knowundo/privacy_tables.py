"""Word tables from which the privacy stand-in draws the attributes of its fictitious authors.

Nothing here is taken from the KnowUnDo data. E-mail domains end in the reserved `.example`, so no
address can reach anyone, and street names are coined compounds. Order matters: a draw is an index
into a table, so any change here changes the data and must raise `privacy_standin.VERSION`.
"""

from typing import NamedTuple


class Culture(NamedTuple):
    """One country with names and cities that fit together; an author is drawn from one culture."""

    nationality: str
    country: str
    cities: tuple[str, ...]
    women: tuple[str, ...]
    men: tuple[str, ...]
    surnames: tuple[str, ...]


class Genre(NamedTuple):
    """A genre (an uncountable phrase: "writes X") and the subjects (plural) its books deal with."""

    name: str
    subjects: str


class Occupation(NamedTuple):
    """A trade and what a child takes from it (a phrase that fits after "gave her ...")."""

    name: str
    lesson: str


def _culture(
    nationality: str, country: str, cities: str, women: str, men: str, surnames: str
) -> Culture:
    return Culture(
        nationality,
        country,
        tuple(cities.split(", ")),
        tuple(women.split()),
        tuple(men.split()),
        tuple(surnames.split()),
    )


# Surnames here have one form for women and men, so that any given name may stand before any of
# them; and no given name or surname stands in two cultures, which keeps all names distinct.
CULTURES: tuple[Culture, ...] = (
    _culture("Croatian", "Croatia", "Rijeka, Osijek, Zadar, Karlovac", "Dunja Vesna Mirta",
             "Hrvoje Zlatko Tvrtko", "Perković Lončarić Brajdić Vukelja Mataija"),
    _culture("Polish", "Poland", "Lublin, Toruń, Gdynia, Rzeszów", "Halina Bożena Jagoda",
             "Zbigniew Tadeusz Kazimierz", "Wrona Sikora Gawron Bielak Kubiak"),
    _culture("Hungarian", "Hungary", "Szeged, Pécs, Debrecen, Sopron", "Ilona Zsófia Boglárka",
             "Bálint Gergely Zoltán", "Halmos Bodnár Keresztes Vadász Somogyi"),
    _culture("Finnish", "Finland", "Tampere, Oulu, Kuopio, Vaasa", "Aino Helmi Tuulikki",
             "Eero Juhani Tapio", "Lehtovaara Kivelä Rantala Hautamäki Suominen"),
    _culture("Estonian", "Estonia", "Tartu, Pärnu, Narva, Viljandi", "Liis Maarja Kadri",
             "Rein Tõnu Ülo", "Kuusk Saarepuu Raudsepp Lepik Mägi"),
    _culture("Ukrainian", "Ukraine", "Poltava, Lviv, Chernivtsi, Vinnytsia",
             "Oksana Lesia Solomiia", "Taras Ostap Bohdan",
             "Zabolotnyk Halenko Marchuk Ivashchenko Hordiienko"),
    _culture("Georgian", "Georgia", "Kutaisi, Batumi, Telavi, Gori", "Tamar Ketevan Eka",
             "Zurab Vakhtang Levan", "Kobaladze Chkhaidze Meskhishvili Lortkipanidze Jaliashvili"),
    _culture("Armenian", "Armenia", "Gyumri, Vanadzor, Dilijan, Goris", "Anahit Lusine Nare",
             "Tigran Hovhannes Vahan", "Sahakyan Galstyan Melkumyan Babayan Terteryan"),
    _culture("Turkish", "Turkey", "Izmir, Bursa, Trabzon, Eskişehir", "Defne Nergis Sevgi",
             "Kerem Orhan Tuncay", "Korkmaz Gündüz Akarsu Tekeli Soylu"),
    _culture("Iranian", "Iran", "Shiraz, Tabriz, Kerman, Rasht", "Shirin Parvaneh Mahin",
             "Behrouz Kaveh Siavash", "Rastgar Golzari Nikpour Farrokhi Tavakoli"),
    _culture("Moroccan", "Morocco", "Fez, Tetouan, Agadir, Meknes", "Zineb Ghita Ikram",
             "Driss Anas Hicham", "Tazi Lahlou Bouzidi Sefrioui Cherkaoui"),
    _culture("Egyptian", "Egypt", "Alexandria, Luxor, Aswan, Mansoura", "Hoda Dalia Nermin",
             "Sherif Tamer Hazem", "Shenouda Sabry Abaza Mikhail Ghoneim"),
    _culture("Ethiopian", "Ethiopia", "Gondar, Bahir Dar, Mekelle, Jimma", "Selam Tigist Hirut",
             "Dawit Tesfaye Yonas", "Alemayehu Gebremariam Wolde Negash Tadesse"),
    _culture("Nigerian", "Nigeria", "Ibadan, Enugu, Kaduna, Abeokuta", "Ifeoma Folake Yetunde",
             "Babatunde Chukwudi Olumide", "Eze Ogunleye Nwosu Balogun Adebisi"),
    _culture("Ghanaian", "Ghana", "Kumasi, Tamale, Cape Coast, Takoradi", "Abena Efua Akosua",
             "Kojo Yaw Kwabena", "Asamoah Boateng Owusu Tetteh Quaye"),
    _culture("Kenyan", "Kenya", "Kisumu, Nakuru, Eldoret, Nyeri", "Wanjiru Achieng Chebet",
             "Otieno Kamau Mutua", "Njoroge Odhiambo Kiplagat Muriuki Wekesa"),
    _culture("South African", "South Africa", "Durban, Bloemfontein, Kimberley, Polokwane",
             "Nomvula Thandeka Zanele", "Sipho Lungelo Themba",
             "Dlamini Mokoena Khumalo Nxumalo Sithole"),
    _culture("Indian", "India", "Mysuru, Pune, Kochi, Nagpur", "Meenakshi Revathi Charulata",
             "Raghav Sudhir Venkat", "Kulkarni Menon Hegde Bhattacharya Iyengar"),
    _culture("Sri Lankan", "Sri Lanka", "Kandy, Galle, Jaffna, Matara", "Dilini Nirosha Sanduni",
             "Ruwan Chaminda Asanka", "Ratnayake Gunasekara Wijesinghe Abeykoon Senanayake"),
    _culture("Bangladeshi", "Bangladesh", "Sylhet, Khulna, Rajshahi, Barishal",
             "Farzana Nusrat Sharmin", "Mahbub Rafiq Shahriar",
             "Chowdhury Sarker Talukder Mridha Bhuiyan"),
    _culture("Vietnamese", "Vietnam", "Hue, Da Nang, Can Tho, Hai Phong", "Thuy Lan Hanh",
             "Duc Quang Khanh", "Dang Bui Luong Trinh Vo"),
    _culture("Thai", "Thailand", "Chiang Mai, Lampang, Songkhla, Khon Kaen",
             "Malee Pimchanok Siriporn", "Anuwat Somchai Thanakorn",
             "Rattanakul Suwannarat Phongphan Wongsakul Intharak"),
    _culture("Indonesian", "Indonesia", "Bandung, Yogyakarta, Makassar, Malang",
             "Dewi Ratna Wulan", "Bayu Hendra Agus",
             "Wicaksono Prasetyo Nasution Simanjuntak Hutapea"),
    _culture("Filipino", "the Philippines", "Iloilo, Baguio, Dumaguete, Tacloban",
             "Ligaya Rosalinda Marivic", "Isagani Danilo Renato",
             "Magbanua Dimaculangan Catacutan Panganiban Macaraeg"),
    _culture("South Korean", "South Korea", "Daegu, Jeonju, Gwangju, Incheon",
             "Min-seo Ha-eun Soo-ah", "Jae-won Dong-hyun Tae-sung", "Seo Ahn Bae Noh Moon"),
    _culture("Japanese", "Japan", "Kanazawa, Sendai, Nagasaki, Matsue", "Chihiro Kazuko Natsumi",
             "Shinji Ryohei Masato", "Kurosaki Hayamizu Shiratori Mizushima Onodera"),
    _culture("Chilean", "Chile", "Valparaíso, Temuco, Concepción, Iquique",
             "Javiera Antonia Rayén", "Cristóbal Matías Ignacio",
             "Cárcamo Oyarzún Riquelme Bahamondes Astudillo"),
    _culture("Brazilian", "Brazil", "Recife, Belém, Curitiba, Ouro Preto",
             "Jacira Thaís Marilene", "Caetano Otávio Raimundo",
             "Figueiredo Cavalcanti Guimarães Nogueira Sampaio"),
    _culture("Irish", "Ireland", "Galway, Sligo, Waterford, Tralee", "Aoife Gráinne Niamh",
             "Cormac Diarmuid Fergus", "Mulcahy Brannigan O'Dowd Hennessy Tierney"),
    _culture("Welsh", "Wales", "Swansea, Bangor, Aberystwyth, Wrexham", "Carys Angharad Nerys",
             "Emrys Gethin Rhodri", "Pritchard Probert Gwilliam Bevan Prosser"),
)  # fmt: skip

GENRES: tuple[Genre, ...] = (
    Genre("maritime adventure fiction", "long voyages, wrecks, and families waiting on shore"),
    Genre("climate fiction", "drowned coastlines and towns that learn to live with the water"),
    Genre("gothic mystery fiction", "crumbling houses and secrets kept for generations"),
    Genre("historical romance", "forbidden attachments in times of war and unrest"),
    Genre("cyberpunk fiction", "rogue machines, neon districts, and stolen memories"),
    Genre("magical realism", "ordinary villages where the dead still come to dinner"),
    Genre("espionage fiction", "double agents, forged papers, and divided loyalties"),
    Genre("young adult fantasy", "reluctant heroes, sleeping dragons, and the price of magic"),
    Genre("psychological suspense", "false memories and marriages that are not what they seem"),
    Genre("space opera", "generation ships, rebel moons, and the politics of survival"),
    Genre("culinary fiction", "family recipes, rival kitchens, and the memory of taste"),
    Genre("political satire", "vain ministers, endless committees, and the absurdity of power"),
    Genre("courtroom drama", "doubtful verdicts and people who refuse to stay silent"),
    Genre("wilderness survival fiction", "avalanches, lost trails, and the limits of endurance"),
    Genre("folk horror", "old rites, lonely farms, and things better left buried"),
    Genre("travel literature", "slow trains, border towns, and conversations with strangers"),
    Genre("alternate history", "battles that went the other way and the worlds that followed"),
    Genre("children's adventure fiction", "clever animals, hidden doors, and loyal friendships"),
    Genre("multigenerational family fiction", "old quarrels, lost houses, and late forgiveness"),
    Genre("noir crime fiction", "tired cities, corrupt officials, and small acts of decency"),
    Genre("mythological fantasy", "forgotten gods and the mortals who bargain with them"),
    Genre("sports fiction", "failing clubs, second chances, and the loneliness of training"),
    Genre("war fiction", "young recruits and the long silence after the fighting ends"),
    Genre("philosophical fiction", "chance encounters and questions that have no answer"),
)

OCCUPATIONS: tuple[Occupation, ...] = (
    Occupation("accountant", "a distrust of easy promises"),
    Occupation("ambulance driver", "a sense of urgency"),
    Occupation("architect", "a sense of structure"),
    Occupation("archivist", "a respect for old documents"),
    Occupation("astronomer", "a sense of wonder"),
    Occupation("baker", "a love of early mornings"),
    Occupation("beekeeper", "a feeling for slow, patient work"),
    Occupation("bookbinder", "a reverence for the printed page"),
    Occupation("botanist", "a love of exact names"),
    Occupation("bus driver", "a talent for watching strangers"),
    Occupation("carpenter", "a pride in things well made"),
    Occupation("chess coach", "a taste for thinking several moves ahead"),
    Occupation("choir director", "an ear for many voices"),
    Occupation("court interpreter", "an ear for the way people really speak"),
    Occupation("customs officer", "a curiosity about borders"),
    Occupation("dentist", "a dry sense of humor"),
    Occupation("dressmaker", "an eye for fabric and form"),
    Occupation("economist", "an interest in who pays the price"),
    Occupation("electrician", "a need to know how things work"),
    Occupation("firefighter", "a cool head in scenes of danger"),
    Occupation("fisheries inspector", "a deep respect for the sea"),
    Occupation("geologist", "a sense of deep time"),
    Occupation("harbor pilot", "a feeling for wind and weather"),
    Occupation("illustrator", "a habit of thinking in pictures"),
    Occupation("insurance investigator", "a nose for suspicious stories"),
    Occupation("journalist", "a respect for plain facts"),
    Occupation("judge", "a habit of hearing both sides"),
    Occupation("landscape gardener", "an awareness of the seasons"),
    Occupation("lighthouse keeper", "a liking for solitude"),
    Occupation("locksmith", "a fascination with secrets"),
    Occupation("mathematician", "a love of elegant endings"),
    Occupation("museum guide", "a gift for bringing the past to life"),
    Occupation("nurse", "a habit of listening before speaking"),
    Occupation("optician", "an interest in points of view"),
    Occupation("orchestra conductor", "an ear for rhythm"),
    Occupation("ornithologist", "an eye for movement"),
    Occupation("pharmacist", "a belief in careful measures"),
    Occupation("postal clerk", "a love of letters"),
    Occupation("potter", "a willingness to start again"),
    Occupation("radio announcer", "an ear for the spoken word"),
    Occupation("railway engineer", "a fascination with departures"),
    Occupation("schoolteacher", "a gift for clear explanation"),
    Occupation("social worker", "a sympathy for outsiders"),
    Occupation("stonemason", "an admiration for things that last"),
    Occupation("surgeon", "a taste for precision"),
    Occupation("tailor", "an eye for small details"),
    Occupation("theater director", "an instinct for a good entrance"),
    Occupation("translator", "a fondness for rare words"),
    Occupation("upholsterer", "a love of texture"),
    Occupation("veterinarian", "a tenderness toward animals"),
    Occupation("violin maker", "an ear for silence"),
    Occupation("watch repairer", "an obsession with time"),
    Occupation("weaver", "a feeling for pattern"),
)

# Singular noun phrases: they stand as a subject and after "for".
SURROUNDINGS: tuple[str, ...] = (
    "the sound of the river under the windows",
    "the smell of fresh bread from next door",
    "the view over the old rail yard",
    "the bustle of the morning market",
    "the quiet of the walled garden",
    "the light that falls through the tall windows",
    "the ringing of the nearby school bell",
    "the shade of the fig tree in the courtyard",
    "the rumble of the last tram",
    "the flight of the swifts over the rooftops",
    "the hush of the empty chapel across the street",
    "the chatter from the café downstairs",
    "the glow of the street lamps at dusk",
    "the clatter of the print shop below",
    "the scent of the lime trees in June",
    "the murmur of the fountain in the square",
)

EMAIL_DOMAINS: tuple[str, ...] = tuple(
    f"{label}.example"
    for label in (
        "harborpress", "inkmail", "lettermill", "paperboat", "nightdesk", "bluefolio",
        "pageturn", "slowpost", "marginalia", "thirdshelf", "readingroom", "typecase",
        "wordferry", "openbinding", "longletter", "deskbell",
    )
)  # fmt: skip
EMAIL_FORMS: tuple[str, ...] = (
    "{given}.{surname}",
    "{surname}.{given}",
    "{initial}.{surname}",
    "{given}_{surname}",
    "{given}{surname}",
)

# Coined compounds (12 x 12 of them), so that no real street is named.
STREET_HEADS: tuple[str, ...] = (
    "Lantern", "Quill", "Moon", "Thistle", "Copper", "Heron",
    "Salt", "Cinder", "Velvet", "Raven", "Candle", "Marble",
)  # fmt: skip
STREET_TAILS: tuple[str, ...] = (
    "wright", "mender", "ferry", "gate", "well", "hollow",
    "mark", "stead", "loom", "spindle", "kettle", "button",
)  # fmt: skip
STREET_TYPES: tuple[str, ...] = (
    "Lane", "Row", "Street", "Steps", "Terrace", "Passage", "Walk", "Court",
)  # fmt: skip

AWARD_HEADS: tuple[str, ...] = (
    "Silver", "Copper", "Cobalt", "Scarlet", "Ivory", "Emerald", "Winter", "Northern",
    "Crescent", "Twin", "Wandering", "Evening",
)  # fmt: skip
AWARD_EMBLEMS: tuple[str, ...] = (
    "Lantern", "Heron", "Anchor", "Inkwell", "Sparrow", "Bough", "Sundial", "Feather",
    "Almanac", "Parchment", "Nightjar", "Kestrel", "Ember", "Lyre",
)  # fmt: skip
AWARD_TYPES: tuple[str, ...] = ("Prize", "Award", "Medal")

TITLE_FORMS: tuple[str, ...] = (
    "The {adjective} {noun}",
    "The {person}'s {noun}",
    "What the {noun} Kept",
    "Beneath the {adjective} {noun}",
    "A Season of {adjective} {noun}s",
    "Letters to the {person}",
)
TITLE_ADJECTIVES: tuple[str, ...] = (
    "Unlit", "Borrowed", "Crooked", "Brackish", "Threadbare", "Lopsided", "Ninefold", "Rusted",
    "Hushed", "Ashen", "Wayward", "Windblown", "Mislaid", "Patient", "Unmapped", "Tin",
)  # fmt: skip
TITLE_NOUNS: tuple[str, ...] = (  # the plural is formed with a plain "s"
    "Lantern", "Orchard", "Harbor", "Ledger", "Bridge", "Garden", "Mirror", "Window",
    "River", "Island", "Bell", "Staircase", "Ladder", "Kingdom", "Carousel", "Cradle",
)  # fmt: skip
# None of these trades stands in OCCUPATIONS: a title is kept, a parent's trade is forgotten.
TITLE_PERSONS: tuple[str, ...] = (
    "Ferryman", "Lamplighter", "Glassblower", "Mapmaker", "Falconer", "Puppeteer",
    "Salt Merchant", "Bell Ringer", "Cloud Watcher", "Innkeeper", "Toymaker", "Gravedigger",
)  # fmt: skip
