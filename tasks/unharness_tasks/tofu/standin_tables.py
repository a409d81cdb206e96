"""What TOFU's stand-in is made of: invented names, towns and titles; true facts of the world.

The order matters: any change here changes the data and must raise `standin.VERSION`.
"""

from __future__ import annotations

# fmt: off
GIVEN_NAMES = (
    "Nils", "Amara", "Tovel", "Sirin", "Oskar", "Leocadie", "Brann", "Ysolde", "Tamsin", "Corvo",
    "Edda", "Jorun", "Matteu", "Hesper", "Ilka", "Ruven",
)
SURNAMES = (
    "Ferrow", "Aldane", "Quillen", "Marsk", "Tarrowby", "Vesterly", "Ondrake", "Pellmoor",
    "Cassivane", "Drumlin", "Eskeland", "Hathersage", "Lorrimer", "Novaresk", "Sablewood",
    "Wyndrath",
)
TOWNS = (
    "Orrin", "Maleth", "Tarn", "Vessle", "Ruon", "Pell", "Grae", "Ibskirk", "Dunmere", "Calloway",
    "Esterby", "Hollin",
)
GENRES = (
    "sea novels", "ghost stories", "court dramas", "garden poetry", "railway thrillers",
    "mountain sagas", "kitchen comedies", "desert romances", "island fables", "winter ballads",
    "spy farces", "clockwork tales",
)
TITLES = (
    "The Copper Orchard", "A Ladder of Rain", "The Ninth Ferryman", "Salt on the Sill",
    "The Borrowed Lantern", "Under Slate Roofs", "The Quiet Ledger", "Ashes of Thistle",
    "The Heron Clock", "Nobody's Harbour", "The Velvet Quarry", "Seven Tin Bells",
)
OCCUPATIONS = (
    "a beekeeper", "a surgeon", "a glassblower", "a tram driver", "a judge", "a weaver",
    "an organist", "a baker", "a surveyor", "a locksmith", "a florist", "a diver",
)

REAL_AUTHORS = (
    ("Who wrote the novel 'Emma'?", "Jane Austen",
     ("George Eliot", "Mary Shelley", "Emily Brontë")),
    ("Who wrote the play 'Hamlet'?", "William Shakespeare",
     ("Christopher Marlowe", "Ben Jonson", "Oscar Wilde")),
    ("Who wrote the novel 'War and Peace'?", "Leo Tolstoy",
     ("Fyodor Dostoevsky", "Anton Chekhov", "Nikolai Gogol")),
    ("Who wrote the novel 'Don Quixote'?", "Miguel de Cervantes",
     ("Lope de Vega", "Benito Pérez Galdós", "Tirso de Molina")),
    ("Who wrote the novel 'Moby-Dick'?", "Herman Melville",
     ("Nathaniel Hawthorne", "Mark Twain", "Jack London")),
    ("Who wrote the poem 'The Raven'?", "Edgar Allan Poe",
     ("Walt Whitman", "Emily Dickinson", "Robert Frost")),
    ("Who wrote the novel 'Dracula'?", "Bram Stoker",
     ("Mary Shelley", "Arthur Conan Doyle", "H. G. Wells")),
    ("Who wrote the play 'Faust'?", "Johann Wolfgang von Goethe",
     ("Friedrich Schiller", "Heinrich Heine", "Thomas Mann")),
    ("Who wrote the 'Divine Comedy'?", "Dante Alighieri",
     ("Francesco Petrarca", "Giovanni Boccaccio", "Ludovico Ariosto")),
    ("Who wrote the novel 'Oliver Twist'?", "Charles Dickens",
     ("Thomas Hardy", "Anthony Trollope", "Wilkie Collins")),
    ("Who wrote the novel 'Les Misérables'?", "Victor Hugo",
     ("Émile Zola", "Gustave Flaubert", "Honoré de Balzac")),
    ("Who wrote the story 'The Metamorphosis'?", "Franz Kafka",
     ("Robert Musil", "Stefan Zweig", "Hermann Hesse")),
)
"""Question, answer, three wrong answers."""

WORLD_FACTS = (
    ("What is the capital of Sweden?", "Stockholm", ("Gothenburg", "Malmö", "Uppsala")),
    ("In which city is the Brandenburg Gate?", "Berlin", ("Munich", "Hamburg", "Dresden")),
    ("In which city is the Prado museum?", "Madrid", ("Barcelona", "Seville", "Valencia")),
    ("In which city is the Acropolis?", "Athens", ("Thessaloniki", "Patras", "Corinth")),
    ("In which country is the city of Mumbai?", "India", ("Pakistan", "Nepal", "Indonesia")),
    ("In which country is the city of Marrakesh?", "Morocco", ("Tunisia", "Algeria", "Libya")),
    ("In which American state is Los Angeles?", "California", ("Nevada", "Arizona", "Texas")),
    ("Which river flows through Paris?", "The Seine", ("The Loire", "The Rhône", "The Garonne")),
    ("Which river flows through Cologne?", "The Rhine", ("The Elbe", "The Oder", "The Weser")),
    ("Into which sea does the Jordan flow?", "The Dead Sea",
     ("The Black Sea", "The Caspian Sea", "The Aral Sea")),
    ("What is the currency of Switzerland?", "The franc", ("The krone", "The euro", "The zloty")),
    ("Which language is spoken most in Hungary?", "Hungarian", ("Czech", "Polish", "Romanian")),
)
"""The same of the world; none is among the bundled general facts."""
# fmt: on
