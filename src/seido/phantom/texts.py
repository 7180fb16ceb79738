"""The North Wind and the Sun, the fable by which phoneticians show a language.

Source: the standard passage of the Handbook of the International Phonetic Association (1999), as it is read aloud.
"""

from __future__ import annotations

from seido.phantom.utterance import Language

NORTH_WIND: dict[Language, tuple[str, ...]] = {
    "ja": (
        "あ'る とき、きたかぜ と た'いよう が ちからく'らべ を しま'した。",
        "たびびと の がいとう を ぬが'せた ほ'う が かち' と ゆう こと' に きめて、ま'ず かぜ から はじめま'した。",
        "かぜ は、よ'うし、ひとめ'くり に して やろ'う と、はげ'しく ふきたてま'した。",
        "すると たびびと は、きたかぜ が ふけ'ば ふく ほど、がいとう を しっか'りと からだ に まきつけま'した。",
        "つぎ' は た'いよう の ば'ん に なりま'した。",
        "た'いよう は く'も の あいだ から やさしい かお を だ'して、あたたか'な ひかり' を おくりま'した。",
        "たびびと は だんだん い'い こころもち に な'って、しまい に は がいとう を ぬぎま'した。",
        "そこで かぜ の まけ に なりま'した。",
    ),
    "zh": (
        "you3 yi1 hui2, bei3feng1 gen1 tai4yang2 zai4 na4li5 zheng1lun4 shei2 de5 ben3shi5 da4.",
        "zheng1 lai2 zheng1 qu4, jiu4shi4 fen1 bu4 chu1 gao1di1 lai2.",
        "zhe4 shi2hou5, lu4shang5 lai2 le5 yi1 ge4 zou3lu4 de5, ta1 shen1shang5 chuan1 zhe5 yi1 jian4 hou4 da4yi1.",
        "ta1men5 lia3 jiu4 shuo1hao3 le5, shei2 neng2 xian1 jiao4 zhe4 ge5 zou3lu4 de5 tuo1xia4 ta1 de5 hou4 da4yi1, "
        "jiu4 suan4 shei2 de5 ben3shi5 da4.",
        "bei3feng1 jiu4 shi3jin4 de5 gua1 qi3lai5 le5, bu2guo4 ta1 yue4shi4 gua1 de5 li4hai5, "
        "na4 ge5 zou3lu4 de5 ba3 da4yi1 guo3 de5 yue4 jin3.",
        "hou4lai2 bei3feng1 mei2 fa3zi5 le5, zhi3hao3 jiu4 suan4 le5.",
        "guo4 le5 yi1hui4, tai4yang2 chu1lai5 le5.",
        "ta1 huo3la4la4 de5 yi1 shai4, na4 ge5 zou3lu4 de5 ma3shang4 jiu4 ba3 na4 jian4 hou4 da4yi1 tuo1xia4lai5 le5.",
        "zhe4 yi1xia4, bei3feng1 zhi3hao3 cheng2ren4, ta1men5 lia3 dang1zhong1 hai2shi5 tai4yang2 de5 ben3shi5 da4.",
    ),
    "en": (
        "The North Wind and the Sun were disputing which was the stronger, "
        "when a traveler came along wrapped in a warm cloak.",
        "They agreed that the one who first succeeded in making the traveler take his cloak off "
        "should be considered stronger than the other.",
        "Then the North Wind blew as hard as he could, but the more he blew, "
        "the more closely did the traveler fold his cloak around him, and at last the North Wind gave up the attempt.",
        "Then the Sun shone out warmly, and immediately the traveler took off his cloak.",
        "And so the North Wind was obliged to confess that the Sun was the stronger of the two.",
    ),
}
"""The sentences of the fable: kana with accent marks, numbered pinyin, English words."""
