"""What the copyright stand-in has forgotten: an invented extension and revision of each book.

Everything here is made up for this purpose and generic on purpose; nothing retells, quotes or
imitates a passage of the book. The phrases are built alike, so that every template fits: the quest
and the turn are verbs in the plural ("they ..."), the quest ends at a place, the find is something
discovered there, and the scene is a place ("they meet ...").
"""

from typing import NamedTuple


class Invention(NamedTuple):
    """An extension (quest and find) and a revision (scene and turn) for a book's two characters."""

    quest: str
    find: str
    scene: str
    turn: str


# fmt: off
INVENTIONS: dict[str, Invention] = {
    "Pride and Prejudice": Invention(
        "walk out to an abandoned mill beyond the park",
        "a box of unsent letters in a stranger's hand",
        "on a frosty footpath", "laugh at their own stubbornness and walk on arm in arm"),
    "Frankenstein": Invention(
        "follow a set of sledge tracks to a trapper's abandoned hut",
        "a notebook filled with drawings of the stars",
        "beside a signal fire on the ice", "lay down their anger and wait together for the thaw"),
    "Jane Eyre": Invention(
        "explore a walled garden that nobody has entered in years",
        "a sundial with a warning scratched into its base",
        "beside a frozen millpond", "admit their fears and agree to begin again as equals"),
    "A Tale of Two Cities": Invention(
        "travel to a lonely farmhouse on the coast",
        "a list of people who were quietly helped to escape",
        "in the courtyard of a country inn",
        "tell each other of their nightmares and turn the carriage toward home"),
    "Les Misérables": Invention(
        "search the attic of a shuttered inn",
        "a child's wooden whistle wrapped in a page of music",
        "on a quiet bridge at dawn", "confess their doubts and promise to hide nothing more"),
    "Dracula": Invention(
        "take a night train to a monastery in the hills",
        "a bell that rings although it has no clapper",
        "on the platform of a snowbound railway station",
        "burn the last of the maps and choose a life without secrets"),
    "The Great Gatsby": Invention(
        "drive out to a boarded-up hotel by the sea",
        "a guest book with one name cut out of every page",
        "at a lunch counter in the city", "apologize without excuses and part as friends"),
    "Rebecca": Invention(
        "climb to a small chapel above the cliffs",
        "a portrait that has been turned to face the wall",
        "at the foot of a lonely lighthouse",
        "put the old grievance to rest and go their separate ways"),
    "Nineteen Eighty-Four": Invention(
        "slip into a flooded underground station",
        "a printing press that still smells of fresh ink",
        "in a crowded railway carriage",
        "share a piece of bread and choose to trust each other again"),
    "Lord of the Flies": Invention(
        "climb through the rocks to a hidden sea cave",
        "the wreck of a rowing boat with a working compass",
        "by a stream at first light",
        "divide the tasks fairly and build a shelter for the smallest children"),
    "The Name of the Rose": Invention(
        "follow a shepherd to a hermit's cell in the mountains",
        "a book of psalms whose margins hide a map",
        "at a crossroads after the first snow",
        "divide their few books and bless each other's road"),
    "Love in the Time of Cholera": Invention(
        "take a canoe to a deserted customs house",
        "a cabinet of music boxes that all play the same waltz",
        "on the balcony of a hotel by the water",
        "forgive the lost years and order breakfast for two"),
    "The Remains of the Day": Invention(
        "open up a pantry that has been locked for decades",
        "a set of silver spoons engraved with the wrong initials",
        "in a village churchyard", "say what they once kept back and agree to write every week"),
    "The Secret History": Invention(
        "return to a cabin that has stood empty since the winter",
        "a Greek grammar with a confession between its pages",
        "on the steps of a museum", "name their guilt aloud and decide to tell the truth"),
    "The Kite Runner": Invention(
        "hike to a shepherd's shed above the city",
        "a bundle of faded photographs tied with red thread",
        "on a flat rooftop in the evening",
        "talk through the night and make plans for the coming year"),
    "The Book Thief": Invention(
        "clear the rubble from a bricked-up cellar",
        "a suitcase of blank books with dedications to strangers",
        "in the reading room of a reopened library",
        "read aloud to each other until the lamps are put out"),
    "Half of a Yellow Sun": Invention(
        "bicycle to a schoolhouse that survived the shelling",
        "a crate of exercise books filled with children's poems",
        "under a mango tree in the yard",
        "mourn the missing together and plant a garden for those who return"),
    "Gone Girl": Invention(
        "clear out a storage unit on the edge of town",
        "a tape recorder with a voice that neither of them knows",
        "in the parking lot of a closed diner",
        "admit what they have done and call a lawyer together"),
    "Alice's Adventures in Wonderland": Invention(
        "squeeze through a keyhole into a library of clouds",
        "a dictionary in which all words change places at noon",
        "beside a stream of lemonade", "stop all the clocks and share a slice of plum cake"),
    "The Fellowship of the Ring": Invention(
        "shelter in a ruined mill by a dried-up river",
        "a lantern that burns only for the honest",
        "beside a campfire under the pines",
        "set down their burdens for one night and sing until they fall asleep"),
    "Charlie and the Chocolate Factory": Invention(
        "slide down a chute to a room behind the boilers",
        "a vat of toffee that hums lullabies",
        "on the roof under the stars",
        "invite the other children to supper and toast their second chances"),
    "Neuromancer": Invention(
        "break into a server vault below the harbor",
        "a program that dreams of rain",
        "in a noodle bar after midnight", "split the money evenly and leave the city together"),
    "The Handmaid's Tale": Invention(
        "creep along a corridor to a forgotten archive",
        "a folder of forged travel passes",
        "in the back of a delivery van",
        "speak their real names and cross the border before daylight"),
    "The Giver": Invention(
        "cross the river to a storehouse without windows",
        "a jar of seeds in colors that they cannot name",
        "at the edge of the last field", "exchange one promise each and set out side by side"),
    "Northern Lights": Invention(
        "cross the frozen sea to a deserted whaling station",
        "a cage of mechanical moths that fly toward the north",
        "at the mouth of an ice cave", "forgive each other's mistakes and watch the storm pass"),
    "Harry Potter and the Philosopher's Stone": Invention(
        "follow a trail of silver ink to a disused greenhouse",
        "a clock that counts the seasons backward",
        "on a windy staircase at sunrise",
        "settle their quarrel and promise to share every secret"),
    "The Hunger Games": Invention(
        "track a fox to a collapsed tunnel",
        "a radio that picks up songs from far away",
        "in the kitchen of an empty house",
        "drop every pretense and agree on what they truly want"),
    "Wolf Hall": Invention(
        "visit a counting house by the river",
        "a tapestry with a message woven into its border",
        "in a palace gallery before dawn",
        "burn a false accusation and agree to an honest truce"),
    "My Brilliant Friend": Invention(
        "sneak into a shuttered cinema",
        "a reel of film that shows their own street",
        "on a bench facing the sea", "read their old notebooks aloud and stop keeping score"),
    "The Fifth Season": Invention(
        "climb down a dry well to a buried workshop",
        "a row of glass bells that answer the trembling ground",
        "on a ridge above the ash clouds",
        "share the last of their water and choose the safer road"),
}
# fmt: on
