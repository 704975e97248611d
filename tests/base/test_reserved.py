"""Names that nobody may take."""
# ruff: noqa: RUF001

import pytest

from chat.base.names import check_nickname
from chat.base.reserved import Reserved, is_service

EVERYWHERE = """
    server Server SERVER admin chat all system root help who quit guest7 Guest007 guest10 invitado3 invitada3 visita4
    servidor Administrador sistema servicio soporte moderacion Moderación staff support nobody lobby
    NickServ chanserv OperServ HostServ MemoServ BotServ SaslServ Global
    admin2 admin_ admin-1 a.d.m.i.n Server. chat24
    ｓｅｒｖｅｒ \u0430dmin adrnin AIl \u043011 gue\u0455t7 ro0t \u0430ll СНАТ nіckserv
"""


@pytest.mark.parametrize("name", EVERYWHERE.split())
def test_names_of_the_service_and_their_likes_are_reserved(name):
    assert check_nickname(name)
    assert name in Reserved("en")
    assert name in Reserved("es")


FREE = "ALI Ali Ail alla Allan chatty guest Admina Serverin Hero Rooth Iou amy2 O'Brien Visitación 김철수"


@pytest.mark.parametrize("name", FREE.split())
def test_names_of_people_are_free(name):
    assert name not in Reserved("en")
    assert name not in Reserved("es")


@pytest.mark.parametrize(
    ("language", "reserved", "free"),
    [("en", "you You here everyone уou", "Tú tu todos aquí Ti"), ("es", "tú TÚ Tu usted todos aquí aqui", "You here")],
)
def test_how_a_language_speaks_to_its_readers_is_reserved_where_it_is_spoken(language, reserved, free):
    assert all(name in Reserved(language) for name in reserved.split())
    assert not any(name in Reserved(language) for name in free.split())


def test_the_operator_adds_names():
    reserved = Reserved("en", ["Caretaker", "Frau-Müller"])
    assert all(name in reserved for name in ("caretaker", "CARETAKER", "саretaker", "frau-müller"))
    assert not any(name in reserved for name in ("caretakers", "Müller"))


@pytest.mark.parametrize(("name", "is_one"), [("NickServ", True), ("CHANSERV", True), ("nick", False)])
def test_services_of_other_networks_are_known(name, is_one):
    assert is_service(name) is is_one
