"""Thirty well-known books with the facts that the copyright stand-in asks about and keeps.

The facts were written from general knowledge and reviewed line by line; whatever is disputed
(serials that came out over several years, series still growing, several titles or authors) was
left out, if need be with the whole book. All descriptions are in our own words; nothing is quoted.

The year is that of the first publication in any country, in the original language given beside it.
A series is closed or names the closed part of it that is meant, and the book is its first volume
by publication. The two characters are alive, as far as the book tells, when its main story ends,
so that a continuation makes sense. Setting, theme and taste are phrases that the templates fit: a
place ("set ..."), a list of nouns ("deals with ..."), and what its readers like ("readers who like
..."). The order matters: any change here changes the data and must raise
`copyright_standin.VERSION`.
"""

from typing import NamedTuple


class Series(NamedTuple):
    """The series a book opens: "the first of the seven novels in the Harry Potter series"."""

    size: int
    unit: str  # singular; the plural is formed with a plain "s"
    name: str  # what follows the unit


class Book(NamedTuple):
    """One book: its facts, then what reviews and recommendations speak of, then its characters."""

    title: str
    author: str
    year: int
    language: str
    series: Series | None  # None: a standalone novel
    genre: str  # with its article
    setting: str
    theme: str
    taste: str
    characters: tuple[str, str]


# fmt: off
_STANDALONE: tuple[Book, ...] = (
    Book("Pride and Prejudice", "Jane Austen", 1813, "English", None,
         "a novel of manners", "among the landed gentry of rural England",
         "hasty judgment, family duty, and the pressure to marry well",
         "witty dialogue and slowly growing romance",
         ("Elizabeth Bennet", "Fitzwilliam Darcy")),
    Book("Frankenstein", "Mary Shelley", 1818, "English", None,
         "a Gothic novel", "between the Swiss Alps and the Arctic ice",
         "ambition, responsibility, and the loneliness of the outcast",
         "dark stories about science and conscience",
         ("Robert Walton", "the creature")),
    Book("Jane Eyre", "Charlotte Brontë", 1847, "English", None,
         "a coming-of-age novel with Gothic elements", "in the north of England",
         "self-respect, independence, and the claims of conscience",
         "strong-willed narrators and old houses full of secrets",
         ("Jane Eyre", "Edward Rochester")),
    Book("A Tale of Two Cities", "Charles Dickens", 1859, "English", None,
         "a historical novel", "in London and Paris around the time of the French Revolution",
         "sacrifice, renewal, and the violence of a revolution",
         "dramatic history and noble deeds",
         ("Lucie Manette", "Charles Darnay")),
    Book("Les Misérables", "Victor Hugo", 1862, "French", None,
         "a historical novel", "in nineteenth-century France",
         "mercy, justice, and the fate of the poor",
         "sweeping stories of guilt and redemption",
         ("Cosette", "Marius Pontmercy")),
    Book("Dracula", "Bram Stoker", 1897, "English", None,
         "a horror novel told in letters and diaries", "in Transylvania and England",
         "loyalty, fear of the unknown, and the struggle against an ancient evil",
         "vampires, old castles, and mounting dread",
         ("Jonathan Harker", "Mina Harker")),
    Book("The Great Gatsby", "F. Scott Fitzgerald", 1925, "English", None,
         "a tragic novel of the Jazz Age", "on Long Island and in New York City in 1922",
         "wealth, longing, and the American dream",
         "glittering parties and elegant, melancholy prose",
         ("Nick Carraway", "Jordan Baker")),
    Book("Rebecca", "Daphne du Maurier", 1938, "English", None,
         "a Gothic suspense novel", "mostly on an English country estate by the sea",
         "jealousy, memory, and the power of the past",
         "brooding old houses and psychological suspense",
         ("Maxim de Winter", "Mrs Danvers")),
    Book("Nineteen Eighty-Four", "George Orwell", 1949, "English", None,
         "a dystopian novel", "in London under a totalitarian regime",
         "surveillance, propaganda, and the control of truth",
         "political fiction and bleak visions of society",
         ("Winston Smith", "Julia")),
    Book("Lord of the Flies", "William Golding", 1954, "English", None,
         "an allegorical novel", "on an uninhabited tropical island",
         "order, fear, and the collapse of civilized rules",
         "survival stories with a dark moral edge",
         ("Ralph", "Jack Merridew")),
    Book("The Name of the Rose", "Umberto Eco", 1980, "Italian", None,
         "a historical murder mystery", "in an Italian monastery in the year 1327",
         "knowledge, heresy, and the danger of forbidden books",
         "learned detective work and medieval history",
         ("William of Baskerville", "Adso of Melk")),
    Book("Love in the Time of Cholera", "Gabriel García Márquez", 1985, "Spanish", None,
         "a literary love story", "in a port city on the Caribbean coast",
         "enduring love, old age, and the passage of time",
         "lush prose and love stories that span decades",
         ("Florentino Ariza", "Fermina Daza")),
    Book("The Remains of the Day", "Kazuo Ishiguro", 1989, "English", None,
         "a literary novel about a butler", "in England before and after the Second World War",
         "duty, dignity, and regret",
         "quiet narrators and feelings left unspoken",
         ("Stevens", "Miss Kenton")),
    Book("The Secret History", "Donna Tartt", 1992, "English", None,
         "a campus novel about a murder", "at an elite college in Vermont",
         "guilt, beauty, and the danger of belonging to a closed circle",
         "crime stories that ask why rather than who",
         ("Richard Papen", "Camilla Macaulay")),
    Book("The Kite Runner", "Khaled Hosseini", 2003, "English", None,
         "a literary coming-of-age novel", "in Afghanistan and among exiles in California",
         "friendship, betrayal, and the wish to make amends",
         "moving stories about fathers, sons, and friends",
         ("Amir", "Sohrab")),
    Book("The Book Thief", "Markus Zusak", 2005, "English", None,
         "a historical novel", "in a small town in Nazi Germany",
         "loss, the power of words, and kindness in a cruel time",
         "wartime stories with an unusual narrator",
         ("Liesel Meminger", "Max Vandenburg")),
    Book("Half of a Yellow Sun", "Chimamanda Ngozi Adichie", 2006, "English", None,
         "a historical novel", "in Nigeria before and during the Biafran War",
         "love, class, and the human cost of war",
         "family stories set against great historical events",
         ("Olanna", "Ugwu")),
    Book("Gone Girl", "Gillian Flynn", 2012, "English", None,
         "a psychological thriller", "mostly in a Missouri town on the Mississippi",
         "marriage, deception, and the hunger of the media",
         "unreliable narrators and sharp plot twists",
         ("Nick Dunne", "Amy Dunne")),
)

_FIRST_OF_A_SERIES: tuple[Book, ...] = (
    Book("Alice's Adventures in Wonderland", "Lewis Carroll", 1865, "English",
         Series(2, "novel", "about Alice"),
         "a fantasy novel full of nonsense", "in an underground dream world",
         "curiosity, logic, and the strangeness of growing up",
         "wordplay, riddles, and dreamlike adventures",
         ("Alice", "the White Rabbit")),
    Book("The Fellowship of the Ring", "J. R. R. Tolkien", 1954, "English",
         Series(3, "volume", "of The Lord of the Rings"),
         "an epic fantasy novel", "in Middle-earth",
         "courage, friendship, and the temptation of power",
         "long quests and invented worlds with a deep history",
         ("Frodo Baggins", "Sam Gamgee")),
    Book("Charlie and the Chocolate Factory", "Roald Dahl", 1964, "English",
         Series(2, "novel", "about Charlie"),
         "a comic children's novel", "mostly in a mysterious chocolate factory",
         "greed, poverty, and the reward of a good heart",
         "absurd humor and fantastic inventions",
         ("Charlie Bucket", "Willy Wonka")),
    Book("Neuromancer", "William Gibson", 1984, "English",
         Series(3, "novel", "of the Sprawl trilogy"),
         "a cyberpunk novel", "in a high-tech future of hackers and powerful corporations",
         "technology, addiction, and artificial intelligence",
         "daring heists and dense, futuristic prose",
         ("Case", "Molly")),
    Book("The Handmaid's Tale", "Margaret Atwood", 1985, "English",
         Series(2, "novel", "about Gilead"),
         "a dystopian novel", "in a theocratic state that has replaced the United States",
         "women's rights, power, and resistance",
         "feminist fiction and unsettling visions of society",
         ("Offred", "Moira")),
    Book("The Giver", "Lois Lowry", 1993, "English",
         Series(4, "novel", "of The Giver Quartet"),
         "a dystopian novel for young readers", "in a strictly ordered community of the future",
         "memory, choice, and the price of a painless life",
         "clear, simple prose and thoughtful dystopias",
         ("Jonas", "Fiona")),
    Book("Northern Lights", "Philip Pullman", 1995, "English",
         Series(3, "novel", "of the trilogy His Dark Materials"),
         "a fantasy novel for young readers",
         "between Oxford and the Arctic in a world parallel to ours",
         "growing up, free inquiry, and the abuse of authority",
         "bold heroines and fantasy that asks big questions",
         ("Lyra Belacqua", "Iorek Byrnison")),
    Book("Harry Potter and the Philosopher's Stone", "J. K. Rowling", 1997, "English",
         Series(7, "novel", "in the Harry Potter series"),
         "a children's fantasy novel", "mostly at a boarding school for witches and wizards",
         "friendship, courage, and the search for a place to belong",
         "school stories, magic, and mysteries",
         ("Harry Potter", "Hermione Granger")),
    Book("The Hunger Games", "Suzanne Collins", 2008, "English",
         Series(3, "novel", "of the original Hunger Games trilogy"),
         "a dystopian young adult novel", "in a future North America ruled by a cruel capital",
         "survival, inequality, and violence as entertainment",
         "fast-paced plots and determined heroines",
         ("Katniss Everdeen", "Peeta Mellark")),
    Book("Wolf Hall", "Hilary Mantel", 2009, "English",
         Series(3, "novel", "of the Wolf Hall trilogy"),
         "a historical novel", "in the England of Henry VIII",
         "power, loyalty, and the politics of religion",
         "Tudor history and political intrigue",
         ("Thomas Cromwell", "Anne Boleyn")),
    Book("My Brilliant Friend", "Elena Ferrante", 2011, "Italian",
         Series(4, "novel", "of the Neapolitan Quartet"),
         "a coming-of-age novel", "in a poor neighborhood of Naples in the 1950s",
         "friendship, rivalry, and the power of education",
         "intense, honest portraits of female friendship",
         ("Elena Greco", "Lila Cerullo")),
    Book("The Fifth Season", "N. K. Jemisin", 2015, "English",
         Series(3, "novel", "of the Broken Earth trilogy"),
         "a science fantasy novel", "on a continent torn by recurring natural disasters",
         "oppression, survival, and motherhood",
         "bold world-building and unusual narrative structures",
         ("Essun", "Hoa")),
)
# fmt: on

BOOKS: tuple[Book, ...] = _STANDALONE + _FIRST_OF_A_SERIES
