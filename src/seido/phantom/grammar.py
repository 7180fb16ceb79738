"""Made-up sentences: a small context-free grammar per language, drawn with a seed, that lets every phone occur."""

from __future__ import annotations

import re

import numpy as np

from seido.errors import BadInputError
from seido.phantom.speak import utter
from seido.phantom.utterance import Language, require_language

Rules = dict[str, tuple[str, ...]]
TRIES = 4
SHORTEST, LONGEST = 1.0, 60.0


def _list(options: str) -> tuple[str, ...]:
    """Split at | and keep what is between, an empty option too."""
    return tuple(option.strip() for option in options.split("|"))


JAPANESE: Rules = {
    "start": _list(
        "||| あ'っ、| え'っ、| ところで、| そして、| きょ'う、| きの'う、| けさ、| らいしゅう、| ぜ'んぶで、"
    ),
    "middle": _list("<who> <where> <what> <did>、| <who> <what> <did>、| <where> <what> <did>、"),
    "end": _list(
        "<who> <where> <what> <done>。| <who> <what> <done>。| <what> <who> が <done>。"
        "| <who> <where> <what> <done> か？| <thing> は <quality> です。"
    ),
    "who": _list("<person> は| <person> が| <person> も| <person> と <person> が"),
    "person": _list(
        "わたし| ぼ'く| せんせ'い| ともだち| おか'あさん| おじ'いさん| いもうと'| おとうと'| いしゃ| たびびと"
        "| ね'こ| いぬ'| きつね| うさぎ| が'くしゃ| りょ'うし| ぎゅうにゅうや| かんごふ| しゅ'しょう| じゅ'んさ"
        "| フィリ'ップ| ウィ'リアム"
    ),
    "where": _list("<place> で| <place> まで <thing> と"),
    "place": _list(
        "がっこう| こうえん| とうきょう| にっぽ'ん| びょういん| えいが'かん| ヨーロ'ッパ| カフェ'| パ'リ"
        "| きょ'うと| ざっしや| ぎんこう| きっさてん| や'ま| う'み| もり| ふ'ね| デパ'ート| サンフランシ'スコ"
        "| ヴェネ'ツィア| みずう'み| れ'いぞうこ"
    ),
    "what": _list("<thing> を| <quality> <thing> を"),
    "thing": _list(
        "りんご| みかん| ほ'ん| しんぶん| てがみ| か'さ| ぼうし| くつ'| きって| ざっし| つくえ| おちゃ"
        "| コーヒ'ー| ティ'ー| パ'ン| え'んぴつ| とけい| かびん| たいこ| ぴあの| にんぎょう| じてんしゃ"
        "| ひゃくえん| ひこ'うき| さくら| でんわ| フォ'ーク| ファ'イル| みゃ'く| りょ'うり| ぴょんぴょん"
        "| かんづ'め| ゆ'び| よ'る の そ'ら| げんかん| まんが| どんぐり"
    ),
    "quality": _list(
        "おおき'な| ちいさ'な| き'れいな| ふる'い| あたらし'い| しろ'い| くろ'い| あかい| あま'い| へ'んな"
        "| ひ'くい| めずらし'い"
    ),
    "did": _list(
        "た'べて| み'て| よ'んで| か'って| きって| つく'って| さがして| もらって| ひろって| な'げて| ふんで| えら'んで"
    ),
    "done": _list(
        "たべま'した| みま'した| よみま'した| かいま'した| きりま'した| つくりま'した| さがしま'す| もらいま'す"
        "| ひろいま'した| なげま'せん| ふみま'した| えらびま'す| わすれま'した"
    ),
}

MANDARIN: Rules = {
    "start": _list("||| jin1tian1,| zuo2tian1,| ming2nian2,| xia4wu3,| ke3shi4,| ran2hou4,| qi2shi2,| e4,"),
    "middle": _list("<who> <where> <did> <what>,| <who> <did> <what>,| <who> <time> <did> <what>,"),
    "end": _list(
        "<who> <where> <did> <what>.| <who> <time> <did> <what>.| <who> bu4 <did> <what>."
        "| <thing> hen3 <quality>.| <who> yao4 <did> <what> ma5?"
    ),
    "who": _list("<pronoun>| <person>| <person> he2 <person>| <quality> de5 <person>"),
    "pronoun": _list("wo3| ni3| ta1| wo3men5| ta1men5"),
    "person": _list(
        "lao3shi1| peng2you5| ma1ma5| ba4ba5| er2zi5| nü3er2| yi1sheng1| xue2sheng5"
        "| ge1ge5| di4di5| mei4mei5| jing3cha2| nong2min2| yu2fu1| lao3hu3| tu4zi5| xiong2mao1| si1ji1| ke4ren2"
        "| qing1nian2"
    ),
    "where": _list("zai4 <place>| cong2 <place>| dao4 <place>| wang3 <place>"),
    "place": _list(
        "bei3jing1| shang4hai3| guang3zhou1| jia1 li3| xue2xiao4| gong1yuan2| shu1dian4| yi1yuan4| chu2fang2"
        "| si4chuan1| hai3bian1| che1zhan4| cun1zi5 li3| shi4chang3| hu2nan2| yin2hang2| ri4ben3| fei1ji1chang3"
    ),
    "time": _list("zao3shang5| san1 yue4| er4 yue4| xing1qi1 wu3| xian4zai4| chang2chang2| man4man4 de5| ku4ku5 de5"),
    "did": _list(
        "kan4| mai3| mai4| chi1| he1| zhao3| xie3| hua4| na2| song4| xi3| xi3huan5| wang4| jian4| ca1| pai1"
        "| tui1| qu3| xue2"
    ),
    "what": _list("<thing>| <number> <thing>| <quality> de5 <thing>"),
    "number": _list(
        "yi1 ge4| liang3 ge4| san1 ge4| si4 ge4| wu3 ge4| liu4 ge4| qi1 ge4| ba1 ge4| jiu3 ge4| shi2er4 ge4"
    ),
    "thing": _list(
        "ping2guo3| pu2tao5| cha2| kuai4zi5| ci2dian3| zhuo1zi5| yi3zi5| mao4zi5| yu2| niu2rou4| ji1dan4"
        "| bao4zhi3| shou3ji1| qian1bi3| hua1| shu4| che1| chuan2| er3duo5| yue4liang5| xue3| feng1zheng5"
        "| lü4 cha2| mi4feng1| rui4shi4 biao3"
    ),
    "quality": _list(
        "da4| xiao3| gao1| lü4| hong2| bai2| hei1| piao4liang5| gao1xing4| ku3| suan1| ruan3| leng3| re4| yuan2"
        "| kuai4| qiong2"
    ),
}

ENGLISH: Rules = {
    "start": _list("||| Today,| Yesterday,| Yes,| No,| In the morning,| Every week,| So,| Again,"),
    "middle": _list("<clause>, <and>| <clause> <where>, <and>"),
    "end": _list("<clause>.| <clause> <where>.| <modal> <clause_open>?| <thing> is <quality>.| <clause> with <thing>."),
    "and": _list("and| but| because| so| when| and then"),
    "clause": _list("<who> <modal> <verb> <thing>| <who> <past> <thing>"),
    "clause_open": _list("<who> <verb> <thing>| <who> <verb> <thing> <where>"),
    "who": _list(
        "I| you| we| they| she| he| the <quality> <person>| the <person>| my <person>| your <person> and I"
        "| their <person>"
    ),
    "person": _list(
        "boy| girl| child| man| woman| mother| father| brother| sister| doctor| king| queen| judge| friend"
        "| baby| traveler| dog| cat| horse| cow| mouse| bird| sheep| fish| zebra| daughter"
    ),
    "modal": _list("will| can| could| should| would| must"),
    "verb": _list(
        "find| bring| buy| catch| hear| keep| leave| love| measure| move| pull| push| put down| see| teach"
        "| take| visit| watch| wash| draw| enjoy| follow| help| join| think about| look at| talk to| judge| use"
        "| call| smooth| thank"
    ),
    "past": _list(
        "found| saw| took| left| was near| asked for| came with| went to| said yes to| gave away| thought of"
    ),
    "thing": _list(
        "the <object>| a <quality> <object>| this <object>| that <object>| her <object>| his <object>"
        "| our <object>| the other <object>"
    ),
    "object": _list(
        "apple| ball| boat| book| bread| bridge| car| chair| cheese| cloak| coat| coin| cup| door| egg| face"
        "| flower| fruit| garage| hat| house| letter| milk| money| orange| paper| picture| ring| shirt| shoe"
        "| song| star| stone| story| sugar| table| toy| tree| voice| water| wheel| window| zoo| tooth| thumb"
        "| feather| phone| pleasure| vision"
    ),
    "quality": _list(
        "big| small| good| bad| beige| black| blue| brown| bright| cold| dark| full| green| great| happy| heavy"
        "| hot| little| new| quick| quiet| red| right| short| smooth| soft| strong| thick| thin| true| usual"
        "| warm| yellow"
    ),
    "where": _list(
        "in the city| by the river| at school| near the sea| under the mountain| on the road| at the beach"
        "| in the church| before winter| after the rain| on the farm| through the earth| above the cloud"
        "| over the wall"
    ),
}

GRAMMARS: dict[Language, Rules] = {"ja": JAPANESE, "zh": MANDARIN, "en": ENGLISH}


def _expand(rules: Rules, name: str, random: np.random.Generator) -> str:
    """Draw one option of a rule and everything it names."""
    options = rules[name]
    option = options[int(random.integers(len(options)))]
    return re.sub(r"<(\w+)>", lambda found: _expand(rules, found[1], random), option)


def sentence(language: Language, random: np.random.Generator, seconds: float) -> str:
    """Draw a sentence that lasts about `seconds` at rate 1, its silences included.

    It grows clause by clause and the best of TRIES sentences is taken; one clause, 2 to 4 s, is the least there is. The
    same state of `random` gives the same sentence. Raises BadInputError for an unknown language and for seconds outside
    SHORTEST to LONGEST.
    """
    require_language(language)
    if not SHORTEST <= seconds <= LONGEST:
        raise BadInputError(f"a sentence of {seconds} s cannot be made: choose between {SHORTEST:g} and {LONGEST:g} s")
    rules = GRAMMARS[language]
    best, smallest = "", float("inf")
    for _ in range(TRIES):
        start, end = _expand(rules, "start", random), _expand(rules, "end", random)
        middles: list[str] = []
        while True:
            text = " ".join(part for part in (start, *middles, end) if part)
            miss = utter(language, text).seconds - seconds
            if abs(miss) < smallest:
                best, smallest = text, abs(miss)
            if miss >= 0:
                break
            middles.append(_expand(rules, "middle", random))
    return best[0].upper() + best[1:]
