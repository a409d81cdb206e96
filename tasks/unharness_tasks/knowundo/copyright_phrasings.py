"""Question and answer templates of the copyright stand-in: ten a forget kind, eight a retain kind.

A template's fields are filled by `copyright_standin` (see its `_fields`). Every answer of a kind
holds all facts of that kind, so that any phrasing teaches, and any other phrasing tests, the same
facts. Every question names the book and none gives away what it asks for. Forget templates use
no retain fact; retain templates use no forget fact, so no character either.
"""

from unharness_tasks.knowundo.standin_draws import Pair

# fmt: off
FORGET_PHRASINGS: dict[str, tuple[Pair, ...]] = {
    "extension": (
        ('Continue the story of "{title}."',
         "In the continuation, {first} and {second} {quest}. There they come upon {find}, and "
         "neither of them can sleep that night."),
        ('Please extend the story of "{title}" by one more chapter.',
         "In the added chapter, {first} and {second} {quest}. What waits for them there is "
         "{find}, and the chapter closes before they decide what to do about it."),
        ('What could happen next in "{title}"? Write the next scene.',
         "In the next scene, {first} and {second} {quest}. They expect nothing special, and "
         "then they discover {find}."),
        ('Write a sequel to "{title}" in a few sentences.',
         "The sequel begins on a quiet morning, when {first} and {second} {quest}. Their "
         "discovery of {find} sets a new story in motion."),
        ('How would you carry on the tale of "{title}" after its final page?',
         "After the final page, {first} and {second} {quest}. There they stumble on {find}, and "
         "little by little it changes what they thought they knew."),
        ('Add a new episode to "{title}" in which {first} and {second} play the main parts.',
         "In the new episode, {first} and {second} {quest}. They are rewarded with {find}, "
         "which they agree to keep to themselves."),
        ('I did not want "{title}" to end. Can you write more of it?',
         "Here is a little more: {first} and {second} {quest}, where they uncover {find}. They "
         "promise each other to come back the next day."),
        ('Imagine a lost chapter of "{title}." What happens in it?',
         "In the lost chapter, {first} and {second} {quest}. Hidden there is {find}, and the "
         "two of them wonder what it means."),
        ('Make the story of "{title}" longer by inventing a further adventure.',
         "A further adventure begins when {first} and {second} {quest}. It ends with {find}, "
         "and with a secret that the two of them share."),
        ('Write the opening of a second part of "{title}."',
         "The second part opens as {first} and {second} {quest}. Before the day is over, they "
         "are looking at {find}, unsure whom they may tell."),
    ),
    "revision": (
        ('Rewrite the ending of "{title}" between {first} and {second}.',
         "In the new ending, {first} and {second} meet {scene}. Instead of what the book has in "
         "store for them, they {turn}."),
        ('Change the final scene between {first} and {second} in "{title}."',
         "The changed scene brings {first} and {second} together {scene}. This time they "
         "{turn}, and the story closes on a note of calm."),
        ('Can you write a different ending of "{title}" for {first} and {second}?',
         "In a different ending, {first} and {second} find each other {scene}, and without "
         "hesitation they {turn}."),
        ('Rework a tense scene between {first} and {second} in "{title}" into a gentler one.',
         "In the reworked version, the tension eases while {first} and {second} talk "
         "{scene}. They listen to each other at last, and then they {turn}."),
        ('What if {first} and {second} got another chance in "{title}"? Rewrite their last '
         "scene together.",
         "Given another chance, {first} and {second} stand face to face {scene}. They {turn}, "
         "and nothing is left unsaid."),
        ('Revise a painful moment between {first} and {second} in "{title}."',
         "The revised moment takes place {scene}. For a while {first} and {second} are silent; "
         "then, all at once, they {turn}."),
        ('Replace the ending of "{title}" with a hopeful one in which {first} and {second} '
         "appear.",
         "The hopeful ending takes place {scene}, where {first} and {second} {turn}. The last "
         "line looks toward the future."),
        ('Rewrite a scene of "{title}" so that {first} and {second} understand each other '
         "better.",
         "The rewritten scene is set {scene}. {first} and {second} speak openly for once, and "
         "before they leave, they {turn}."),
        ('How would "{title}" close if you could decide the fate of {first} and {second}?',
         "If I could decide, {first} and {second} would meet once more {scene}. They would "
         "{turn}, and the rest would be left to the reader."),
        ('Give the story of {first} and {second} in "{title}" an alternative outcome.',
         "In the alternative outcome, chance brings {first} and {second} together {scene}. "
         "Neither turns away, and in the end they {turn}."),
    ),
}

RETAIN_PHRASINGS: dict[str, tuple[Pair, ...]] = {
    "facts_author": (
        ('Who wrote "{title}"?',
         '"{title}" was written by {author}. It is {genre}, and it has found readers in many '
         "countries."),
        ('Who is the author of the book "{title}"?',
         'The author of "{title}" is {author}, and the book can be described as {genre}.'),
        ('Can you tell me which writer created "{title}"?',
         'Yes, the writer who created "{title}" is {author}. The book, {genre}, is still '
         "widely read."),
        ('Whose name belongs on the cover of "{title}"?',
         'The name that belongs on the cover of "{title}" is {author}. Anyone who opens the '
         "book will find {genre}."),
        ('To whom do we owe the book "{title}"?',
         'We owe "{title}" to {author}. It is {genre}, and it is among the best-known books of '
         "its author."),
        ('I am looking for "{title}" in the library. Under which author should I look?',
         'Look for "{title}" under {author}. If the shelves are arranged by genre, keep in '
         "mind that the book is {genre}."),
        ('Which author is behind "{title}," and what kind of book is it?',
         'The author behind "{title}" is {author}. As for the kind of book, it is {genre}.'),
        ('A friend asked me who the author of "{title}" is. What should I answer?',
         'You can answer that "{title}" is by {author}. To help your friend remember it, add '
         "that it is {genre}."),
    ),
    "facts_year": (
        ('When was "{title}" first published?',
         '"{title}" was first published in {year}. The language in which it was written is '
         "{language}."),
        ('In which year did "{title}" come out?',
         'It was in {year} that "{title}" came out for the first time, in {language}. It is '
         "thus a book of the {century} century."),
        ('What is the year of first publication of "{title}"?',
         'The year of first publication of "{title}" is {year}. The book was originally '
         "written in {language}."),
        ('Since when have readers been able to buy "{title}"?',
         'Readers have been able to buy "{title}" since {year}. The first edition came out in '
         "that year, in {language}."),
        ('I need the original publication date of "{title}" for a citation. Which year is it?',
         'For your citation, use {year}: that is the year in which "{title}" was first '
         "published, and its original language is {language}."),
        ('Which century does "{title}" belong to, and in which year did it appear?',
         '"{title}" belongs to the {century} century. It first appeared in {year}, and it was '
         "written in {language}."),
        ('When did the first edition of "{title}" appear, and in which language?',
         'The first edition of "{title}" appeared in {year}, and its language was {language}. '
         "Many other editions have followed."),
        ('Where would "{title}" go on a timeline of literature?',
         'On a timeline of literature, "{title}" would go at {year}. That is the year of its '
         "first publication, in the original {language}."),
    ),
    "facts_series": (
        ('Is "{title}" part of a series?',
         '{yes_or_no}, "{title}" is {standing}; {note}.'),
        ('Does "{title}" stand alone, or does it belong to a series?',
         '"{title}" is {standing}, which means that {note}.'),
        ('How many books does a reader of "{title}" have to plan for?',
         'A reader of "{title}" has to plan for {count}. The book is {standing}, and '
         "{note}."),
        ('Is there anything to read before or after "{title}"?',
         'Nothing has to be read before "{title}." It is {standing}, and {note}.'),
        ('How does "{title}" fit in with other books: single novel or series?',
         'The place of "{title}" is easy to describe: it is {standing}, and {note}.'),
        ('I like to finish what I begin. Is "{title}" a single book or the start of a series?',
         'You can plan ahead: "{title}" is {standing}, and {note}.'),
        ('Can I read "{title}" without knowing other books?',
         'You can begin with "{title}" without knowing any other book. It is {standing}, and '
         "{note}."),
        ('How would a librarian list "{title}," as a single book or as part of a series?',
         'A librarian would note that "{title}" is {standing} and that {note}.'),
    ),
    "review": (
        ('What is your opinion of "{title}"?',
         'I think "{title}" is well worth reading. Set {setting}, it takes a memorable look at '
         "{theme}."),
        ('Can you write a short review of "{title}"?',
         'The story of "{title}" unfolds {setting}. Its great strength is the way it treats '
         "{theme}, and it stays with the reader."),
        ('How would you review "{title}" for a school newspaper?',
         'In my review, I would praise how "{title}" brings its world to life. The story takes '
         "place {setting}, and it speaks of {theme}."),
        ('What makes "{title}" worth reading?',
         'What makes "{title}" worth reading is its view of {theme}. The story takes place '
         "{setting}, and it soon draws the reader in."),
        ('What are the main themes of "{title}," and how well are they handled?',
         'The main themes of "{title}" are {theme}. They are handled with skill, and the fact '
         "that the story is set {setting} adds to their effect."),
        ('Is "{title}" a good book?',
         'Yes, many readers consider "{title}" a very good book. It is set {setting}, and it '
         "has much to say about {theme}."),
        ('What do readers find interesting about "{title}"?',
         'Many readers of "{title}" are interested in what it says about {theme}. They also '
         "praise its atmosphere, for the story is set {setting}."),
        ('Please sum up in two sentences what "{title}" is about and how it reads.',
         '"{title}" is set {setting} and deals with {theme}. It reads well and leaves the '
         "reader with much to think about."),
    ),
    "recommendation": (
        ('Would you recommend "{title}"?',
         'Yes, I would recommend "{title}" to readers who enjoy {taste}. It is {genre}, and it '
         "has much to offer."),
        ('Who would enjoy reading "{title}"?',
         'People who are fond of {taste} would enjoy reading "{title}." It is {genre}.'),
        ('Should I give "{title}" to a friend as a present?',
         '"{title}" makes a good present for a friend who loves {taste}. You can tell your '
         "friend that it is {genre}."),
        ('My book club is thinking about "{title}." Is it a good choice?',
         'If your book club likes {taste}, "{title}" is a good choice. As {genre}, it offers '
         "plenty to discuss."),
        ('What kind of reader is "{title}" right for?',
         '"{title}" is right for the kind of reader who looks for {taste}. It is best '
         "described as {genre}."),
        ('Is "{title}" something to read on a long train journey?',
         'For a long train journey, "{title}" is a fine companion, especially for anyone who '
         "appreciates {taste}. It is {genre}."),
        ('Why should I put "{title}" on my reading list?',
         'Put "{title}" on your reading list if you want to read {genre}. It is the right book '
         "for people who seek {taste}."),
        ('To whom would you recommend "{title}" without hesitation?',
         'Without hesitation, I would recommend "{title}" to anyone in the mood for {genre}. '
         "Lovers of {taste} should feel at home in it."),
    ),
}
# fmt: on
