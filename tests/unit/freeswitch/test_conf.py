"""The FreeSWITCH configuration's names, held to the code that sets, reads and starts them."""

import re
import wave
from pathlib import Path
from xml.etree import ElementTree

import pytest

from controlplane.bridge.gateways import gateway_xml
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.errors import ConfigurationError
from controlplane.local.launch import installation
from controlplane.local.launch.carrier.server import CONF_FOLDER as CARRIER_CONF
from controlplane.local.launch.carrier.server import CarrierServer
from controlplane.local.launch.freeswitch import SOUNDS_FOLDER, FreeSwitchPorts, FreeSwitchServer
from controlplane.local.launch.installation import CONF_FOLDER, UnusableFreeSwitch, find_freeswitch
from freeswitch.scripts.make_prompts import PROMPTS, UTTERANCES

pytestmark = pytest.mark.unit

BOTH = [CONF_FOLDER, CARRIER_CONF]
CALLER_CHOSEN = re.compile(
    r"\$\{(caller_id_name|sip_from|sip_full|sip_h_|sip_i_|sip_to|sip_req|sip_contact|destination)"
)


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.xml"))


def dialplan() -> ElementTree.Element:
    return ElementTree.parse(CONF_FOLDER / "dialplan" / "public.xml").getroot()


def actions() -> list[ElementTree.Element]:
    return [*dialplan().iter("action"), *dialplan().iter("anti-action")]


@pytest.mark.parametrize("folder", BOTH, ids=["bridge", "carrier"])
def test_every_file_is_well_formed(folder: Path) -> None:
    assert len(files(folder)) >= 9
    for path in files(folder):
        ElementTree.parse(path)


@pytest.mark.parametrize("folder", BOTH, ids=["bridge", "carrier"])
def test_comments_hold_nothing_the_preprocessor_acts_on(folder: Path) -> None:
    for path in files(folder):
        for comment in re.findall(r"<!--.*?-->", path.read_text(), re.DOTALL):
            assert not re.search(r"x-pre-process|\$\$\{|<\?|<include>", comment, re.IGNORECASE), (
                path
            )


def test_our_channel_variables_are_the_contracts() -> None:
    text = "".join(path.read_text() for path in files(CONF_FOLDER / "dialplan"))
    used = set(re.findall(r"alloresto_\w+", text))
    globals_set = {"alloresto_phone_rung_for_", "alloresto_human_rung_for_"}  # and the gateway
    assert used - globals_set <= {variable.value for variable in ChannelVariable}
    assert {
        ChannelVariable.RESTAURANT_ID,
        ChannelVariable.PROMPTS,
        ChannelVariable.GREETING_ENDED,
        ChannelVariable.FALLBACK_DIAL,
    } <= used


def test_the_gateways_context_and_extension_are_in_the_dialplan() -> None:
    contexts = {context.attrib["name"] for context in dialplan().iter("context")}
    extensions = {extension.attrib["name"] for extension in dialplan().iter("extension")}
    assert gateway_xml.DIALPLAN_CONTEXT in contexts
    assert gateway_xml.DIALPLAN_EXTENSION in extensions
    assert {"over_limit", "no_agent", "fallback"} <= extensions


def test_every_jump_lands_on_an_extension() -> None:
    extensions = {extension.attrib["name"] for extension in dialplan().iter("extension")}
    jumps = [
        re.sub(r"^\+[0-9] ", "", action.attrib["data"]).split()
        for action in actions()
        if action.attrib["application"] in {"transfer", "sched_transfer", "execute_extension"}
    ]
    assert len(jumps) == 16
    for target, dialplan_name, context in jumps:
        assert target in extensions
        assert (dialplan_name, context) == ("XML", "public")


def test_no_caller_who_hangs_up_leaves_a_phone_that_rings_for_ever() -> None:
    """The hook that forgets it is set first; the one hook a channel has forgets the other too."""
    hook = re.compile(r"api_reporting_hook=global_setvar (\w+\$\{sip_gateway\})==\$\{uuid\}")
    hooks = []
    for group in dialplan().iter("condition"):
        data = [action.attrib.get("data", "") for action in group.findall("action")]
        rung = [at for at, text in enumerate(data) if text.endswith("sip_gateway}=${uuid}")]
        for at in rung:
            hooks.append(name := data[at].partition("=")[0])
            assert [found[1] for text in data[:at] if (found := hook.fullmatch(text))] == [name]
    assert hooks == [f"alloresto_{who}_rung_for_${{sip_gateway}}" for who in ("human", "phone")]
    text = (CONF_FOLDER / "dialplan" / "public.xml").read_text()
    fallback = text[text.index('name="fallback"') :]
    assert fallback.index('"alloresto_human_rung_for_${sip_gateway}="') < fallback.index("hook=")


def test_no_argument_expands_what_a_caller_chose() -> None:
    for action in actions():
        assert not CALLER_CHOSEN.search(action.attrib.get("data", "")), action.attrib


def test_no_argument_calls_an_api_function() -> None:
    """`api-expansion` is off: it would be an error text, not a value."""
    switch = (CONF_FOLDER / "autoload_configs" / "switch.conf.xml").read_text()
    assert '<param name="api-expansion" value="false"/>' in switch
    for path in files(CONF_FOLDER / "dialplan"):
        assert not re.search(r"\$\{\w+\s*\(", path.read_text()), path


def test_no_expression_repeats_a_group_without_a_bound() -> None:
    """Callers choose how often, and each repetition takes from the stack of FreeSWITCH's thread."""
    for condition in dialplan().iter("condition"):
        assert not re.search(r"\)(?:[*+]|\{\d+,\})", condition.get("expression", ""))


def test_a_caller_is_left_the_audio_alone_however_many_lines_there_are() -> None:
    """An expression that could match in two ways would double its cost with each line."""
    [condition] = dialplan().iterfind(".//condition[@field='${rtp_secure_media}:${switch_r_sdp}']")
    audio_alone = re.compile(condition.attrib["expression"])
    session = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    video, audio = "m=video 4000 RTP/AVP 96\r\n", "m=audio 4002 RTP/AVP 8\r\na=ptime:20\r\n"
    for before, after in ((0, 0), (1, 0), (0, 1), (15, 1_000)):
        found = audio_alone.match(f":{session}{before * video}{audio}{after * video}")
        assert found
        assert found.groups() == (session, audio)
    for before in (16, 1_000):
        assert not audio_alone.match(f":{session}{before * video}{audio}")
    assert not audio_alone.match(f":{session}{1_000 * video}")
    assert not audio_alone.match(f":{session}{audio}{1_000 * video}a=$\r\n")


def test_the_acl_gateways_name_is_the_profiles() -> None:
    acl = ElementTree.parse(CONF_FOLDER / "autoload_configs" / "acl.conf.xml")
    lists = {entry.attrib["name"]: entry.attrib["default"] for entry in acl.iter("list")}
    profile = ElementTree.parse(CONF_FOLDER / "sip_profiles" / "external.xml")
    params = {param.attrib["name"]: param.attrib["value"] for param in profile.iter("param")}
    assert params["apply-inbound-acl"] == gateway_xml.CARRIER_ACL
    assert lists == {gateway_xml.CARRIER_ACL: "deny"}
    assert profile.getroot().attrib["name"] == FreeSwitchServer.sip_profile
    contexts = ElementTree.parse(CONF_FOLDER / "dialplan" / "default.xml").iter("context")
    assert [context.attrib["name"] for context in contexts] == [params["context"]]


@pytest.mark.parametrize("folder", BOTH, ids=["bridge", "carrier"])
def test_every_preprocessor_variable_has_a_value(folder: Path) -> None:
    """An unknown one is replaced by nothing, without a word."""
    given = set(re.findall(r'cmd="set" data="(\w+)=', (folder / "vars.xml").read_text()))
    freeswitchs_own = {"core_uuid", "run_dir", "conf_dir", "log_dir", "certs_dir"}
    for path in files(folder):
        used = set(re.findall(r"\$\$\{(\w+)\}", path.read_text()))
        assert used <= given | freeswitchs_own, path


def test_the_launcher_sets_what_the_configuration_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-a-switch")
    program = installed(tmp_path / "fs")
    bridge = FreeSwitchServer(program, runtime_folder=tmp_path / "b", ports=FreeSwitchPorts.free())
    carrier = CarrierServer(
        program, runtime_folder=tmp_path / "c", ports=FreeSwitchPorts.free(), accounts={}
    )
    limits = {"ALLORESTO_MAX_SESSIONS", "ALLORESTO_SESSIONS_PER_SECOND"}
    tls = {f"ALLORESTO_{name}" for name in ("SIP_TLS", "SIP_TLS_PORT", "SIP_TLS_FOLDER")}
    not_of_one_machine = limits | tls | {"ALLORESTO_WORKER_CA_FILE"}
    for server in (bridge, carrier):
        text = (server.conf_folder / "vars.xml").read_text()
        read = set(re.findall(r'cmd="env-set" data="\w+=\$(\w+)"', text))
        assert read - not_of_one_machine <= set(server.environment())
        assert "OPENAI_API_KEY" not in server.environment()
    assert len(bridge.esl_password) >= 16
    assert bridge.esl_password not in " ".join(map(str, bridge.process._argv))


def test_every_prompt_the_dialplan_plays_is_there() -> None:
    text = (CONF_FOLDER / "dialplan" / "public.xml").read_text()
    played = set(re.findall(r"\$\$\{sounds_folder\}/(\w+\.wav)", text))
    played |= {f"{name}.wav" for name in re.findall(r"alloresto_says=(\w+)", text)}
    assert played == {
        f"{name}.wav"
        for name in (
            *("greeting_generic", "busy", "transfer", "one_moment"),
            *("leave_message", "message_left", "goodbye"),
        )
    }
    for name in played:
        assert (SOUNDS_FOLDER / name).is_file()


@pytest.mark.parametrize("path", sorted(SOUNDS_FOLDER.parent.rglob("*.wav")), ids=lambda p: p.stem)
def test_recordings_are_telephone_audio_that_starts_at_once(path: Path) -> None:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        samples = memoryview(file.readframes(file.getnframes())).cast("h")
    loudest = max(map(abs, samples))
    assert 0.3 * 32768 <= loudest <= 0.75 * 32768
    lead_ms = next(i for i, sample in enumerate(samples) if abs(sample) > 100) / 8
    assert lead_ms <= 20


def test_the_scripts_texts_and_the_committed_recordings_agree() -> None:
    assert {path.stem for path in SOUNDS_FOLDER.glob("*.wav")} == set(PROMPTS)
    caller = SOUNDS_FOLDER.parent / "caller"
    assert {path.stem for path in caller.glob("*.wav")} == set(UTTERANCES)
    for name, text in UTTERANCES.items():
        assert (caller / f"{name}.txt").read_text(encoding="utf-8").strip() == text


def test_the_packaged_greeting_says_it_is_an_ai_within_five_seconds() -> None:
    assert "une intelligence artificielle" in PROMPTS["greeting_generic"]
    with wave.open(str(SOUNDS_FOLDER / "greeting_generic.wav")) as file:
        assert file.getnframes() / 8000 <= 5


def test_an_installation_without_the_stream_module_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = installed(tmp_path)
    monkeypatch.setenv("FREESWITCH_PREFIX", str(tmp_path))
    assert find_freeswitch() == program
    (tmp_path / "lib/freeswitch/mod/mod_audio_stream.so").unlink()
    with pytest.raises(UnusableFreeSwitch, match="mod_audio_stream"):
        find_freeswitch()


def test_a_prefix_without_a_program_is_refused_and_no_freeswitch_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("FREESWITCH_PREFIX", str(tmp_path / "nowhere"))
    with pytest.raises(UnusableFreeSwitch, match="FREESWITCH_PREFIX"):
        find_freeswitch()
    monkeypatch.delenv("FREESWITCH_PREFIX")
    assert find_freeswitch() is None


@pytest.mark.parametrize("value", ["a\nb", 'a"b', "a$${b}", "a<b"])
def test_the_launcher_refuses_settings_that_would_become_configuration(
    tmp_path: Path, value: str
) -> None:
    program = installed(tmp_path / "fs")
    with pytest.raises(ConfigurationError, match="ALLORESTO_ESL_PASSWORD"):
        FreeSwitchServer(
            program,
            runtime_folder=tmp_path / "run",
            ports=FreeSwitchPorts.free(),
            esl_password=value,
        )


def installed(prefix: Path) -> Path:
    """An installation as far as files go."""
    program = prefix / "bin" / "freeswitch"
    modules = prefix / "lib" / "freeswitch" / "mod"
    for folder in (program.parent, modules):
        folder.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in installation.needed_modules():
        (modules / f"{name}.so").touch()
    return program
