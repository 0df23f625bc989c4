"""The menu of the demo restaurant, as a Neapolitan pizzeria in France writes it.

Prices are cents, VAT included. `spoken` is how the agent says the dish, `aliases` how callers do.
"""

from dataclasses import dataclass
from typing import Final

HOT_FOOD_BP: Final = 1_000
"""10 %: prepared for immediate consumption (CGI art. 279 m)."""
PACKAGED_BP: Final = 550
"""5.5 %: a sealed can or bottle that keeps (CGI art. 278-0 bis)."""
ALCOHOL_BP: Final = 2_000
"""20 %: always (CGI art. 278)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    name: str
    spoken: str
    aliases: tuple[str, ...] = ()
    delta_cents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    name: str
    min_select: int
    max_select: int
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dish:
    name: str
    price_cents: int
    spoken: str = ""
    aliases: tuple[str, ...] = ()
    description: str = ""
    vat_rate_bp: int = HOT_FOOD_BP


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    name: str
    dishes: tuple[Dish, ...]
    groups: tuple[str, ...] = ()
    """Names of the option groups every dish of the category has."""


OPTION_GROUPS: Final = (
    Choices(
        name="Pâte",
        min_select=0,
        max_select=1,
        choices=(
            Choice(name="fine", spoken="pâte fine", aliases=("fine", "pâte fine", "mince")),
            Choice(
                name="épaisse", spoken="pâte épaisse", aliases=("épaisse", "pâte épaisse", "pan")
            ),
        ),
    ),
    Choices(
        name="Taille",
        min_select=0,
        max_select=1,
        choices=(
            Choice(name="normale", spoken="taille normale", aliases=("normale", "moyenne")),
            Choice(
                name="grande",
                spoken="grande taille",
                aliases=("grande", "grand", "maxi", "quarante centimètres"),
                delta_cents=300,
            ),
        ),
    ),
    Choices(
        name="Suppléments",
        min_select=0,
        max_select=3,
        choices=(
            Choice(
                name="mozzarella",
                spoken="supplément mozzarella",
                aliases=("mozza", "supplément fromage"),
                delta_cents=150,
            ),
            Choice(name="jambon", spoken="supplément jambon", delta_cents=200),
            Choice(name="œuf", spoken="supplément œuf", aliases=("oeuf",), delta_cents=100),
            Choice(
                name="champignons",
                spoken="supplément champignons",
                aliases=("champignon",),
                delta_cents=100,
            ),
            Choice(name="olives", spoken="supplément olives", aliases=("olive",), delta_cents=100),
            Choice(
                name="chorizo", spoken="supplément chorizo", aliases=("chorizo",), delta_cents=200
            ),
        ),
    ),
    Choices(
        name="Vinaigrette",
        min_select=0,
        max_select=1,
        choices=(
            Choice(name="balsamique", spoken="vinaigrette balsamique"),
            Choice(name="moutarde", spoken="vinaigrette à la moutarde"),
        ),
    ),
)

PIZZA_GROUPS: Final = ("Pâte", "Taille", "Suppléments")

MENU: Final = (
    Category(
        name="Pizzas",
        groups=PIZZA_GROUPS,
        dishes=(
            Dish(
                name="Margherita",
                price_cents=950,
                aliases=("margarita", "marguerite", "margherite"),
                description="Sauce tomate, mozzarella, basilic frais",
            ),
            Dish(
                name="Reine",
                price_cents=1_150,
                aliases=("regina", "la reine", "royale"),
                description="Sauce tomate, mozzarella, jambon, champignons",
            ),
            Dish(
                name="Quatre fromages",
                price_cents=1_250,
                aliases=("4 fromages", "quatre fromage"),
                description="Mozzarella, gorgonzola, chèvre, parmesan",
            ),
            Dish(
                name="Calzone",
                price_cents=1_250,
                aliases=("chausson", "calzon"),
                description="Pizza pliée : sauce tomate, mozzarella, jambon, œuf",
            ),
            Dish(
                name="Végétarienne",
                price_cents=1_150,
                aliases=("végé", "la végé", "légumes"),
                description="Sauce tomate, mozzarella, aubergines, courgettes, poivrons",
            ),
            Dish(
                name="Napolitaine",
                price_cents=1_100,
                aliases=("napoli", "anchois"),
                description="Sauce tomate, mozzarella, anchois, câpres, olives",
            ),
            Dish(
                name="Diavola",
                price_cents=1_200,
                aliases=("la piquante", "diabola"),
                description="Sauce tomate, mozzarella, spianata piquante, piment",
            ),
            Dish(
                name="Quatre saisons",
                price_cents=1_250,
                aliases=("4 saisons", "quatre saison"),
                description="Sauce tomate, mozzarella, jambon, artichauts, champignons, olives",
            ),
            Dish(
                name="Chèvre miel",
                price_cents=1_250,
                spoken="chèvre-miel",
                aliases=("chèvre et miel", "la chèvre"),
                description="Crème, mozzarella, chèvre, miel, noix",
            ),
            Dish(
                name="Parma",
                price_cents=1_390,
                aliases=("jambon de Parme", "parme"),
                description="Sauce tomate, mozzarella, jambon de Parme, roquette, parmesan",
            ),
        ),
    ),
    Category(
        name="Pâtes",
        dishes=(
            Dish(
                name="Spaghetti carbonara",
                price_cents=1_190,
                spoken="spaghettis carbonara",
                aliases=("carbonara", "pâtes carbonara"),
                description="Guanciale, œuf, pecorino, poivre",
            ),
            Dish(
                name="Penne all’arrabbiata",
                price_cents=1_050,
                spoken="penne arrabbiata",
                aliases=("arrabiata", "penne"),
                description="Sauce tomate, ail, piment",
            ),
            Dish(
                name="Lasagnes bolognaise",
                price_cents=1_250,
                spoken="lasagnes à la bolognaise",
                aliases=("lasagne", "lasagnes"),
                description="Bœuf, sauce tomate, béchamel, gratinées au four",
            ),
        ),
    ),
    Category(
        name="Salades",
        groups=("Vinaigrette",),
        dishes=(
            Dish(
                name="Salade César",
                price_cents=1_090,
                aliases=("césar", "la césar"),
                description="Romaine, poulet, parmesan, croûtons",
            ),
            Dish(
                name="Salade caprese",
                price_cents=890,
                aliases=("caprese", "tomates mozzarella", "tomate mozza"),
                description="Tomates, mozzarella di bufala, basilic",
            ),
        ),
    ),
    Category(
        name="Desserts",
        dishes=(
            Dish(
                name="Tiramisu",
                price_cents=550,
                aliases=("tiramisou",),
                description="Maison, au café",
            ),
            Dish(
                name="Panna cotta",
                price_cents=500,
                aliases=("pannacotta",),
                description="Coulis de fruits rouges",
            ),
            Dish(
                name="Pizza Nutella",
                price_cents=700,
                spoken="pizza au Nutella",
                aliases=("nutella",),
                description="Pâte à pizza, Nutella, éclats de noisettes",
            ),
        ),
    ),
    Category(
        name="Boissons",
        dishes=(
            Dish(
                name="Coca-Cola 33 cl",
                price_cents=250,
                spoken="Coca-Cola",
                aliases=("coca", "un coca", "coca cola"),
                vat_rate_bp=PACKAGED_BP,
            ),
            Dish(
                name="Coca-Cola Zéro 33 cl",
                price_cents=250,
                spoken="Coca Zéro",
                aliases=("coca zéro", "coca light", "coca sans sucre"),
                vat_rate_bp=PACKAGED_BP,
            ),
            Dish(
                name="Eau minérale 50 cl",
                price_cents=180,
                spoken="eau minérale",
                aliases=("eau", "eau plate", "bouteille d’eau", "Évian"),
                vat_rate_bp=PACKAGED_BP,
            ),
            Dish(
                name="San Pellegrino 50 cl",
                price_cents=250,
                spoken="San Pellegrino",
                aliases=("eau gazeuse", "eau pétillante", "san pé"),
                vat_rate_bp=PACKAGED_BP,
            ),
            Dish(
                name="Bière Moretti 33 cl",
                price_cents=350,
                spoken="bière Moretti",
                aliases=("bière", "une bière", "moretti"),
                vat_rate_bp=ALCOHOL_BP,
            ),
            Dish(
                name="Chianti 75 cl",
                price_cents=1_600,
                spoken="bouteille de Chianti",
                aliases=("vin rouge", "chianti", "bouteille de vin", "vin"),
                vat_rate_bp=ALCOHOL_BP,
            ),
        ),
    ),
)
