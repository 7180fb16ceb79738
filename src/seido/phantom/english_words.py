"""The English words that can be said, in General American; ˈ and ˌ stand directly before the stressed vowel.

A word without ˈ is a function word, said without an accent. To add a word, write it into WORDS as word=phones.
"""

from __future__ import annotations

WORDS = """
a=ə about=əbˈaʊt above=əbˈʌv after=ˈæftɚ again=əgˈɛn agreed=əgɹˈid air=ˈɛɹ all=ˈɔl along=əlˈɔŋ also=ˈɔlsoʊ
always=ˈɔlweɪz am=æm an=ən and=ænd animal=ˈænəməl answer=ˈænsɚ apple=ˈæpəl are=ɑɹ around=ɚˈaʊnd as=æz ask=ˈæsk
asked=ˈæskt at=æt attempt=ətˈɛmpt away=əwˈeɪ baby=bˈeɪbi back=bˈæk bad=bˈæd ball=bˈɔl bath=bˈæθ be=bi beach=bˈitʃ
because=bɪkˈʌz bed=bˈɛd before=bɪfˈɔɹ beige=bˈeɪʒ best=bˈɛst better=bˈɛɾɚ big=bˈɪg bird=bˈɚd black=blˈæk blew=blˈu
blow=blˈoʊ blue=blˈu boat=bˈoʊt book=bˈʊk both=bˈoʊθ boy=bˈɔɪ bread=bɹˈɛd breathe=bɹˈið bridge=bɹˈɪdʒ bright=bɹˈaɪt
bring=bɹˈɪŋ brother=bɹˈʌðɚ brown=bɹˈaʊn but=bʌt buy=bˈaɪ by=baɪ call=kˈɔl came=kˈeɪm can=kæn car=kˈɑɹ cat=kˈæt
catch=kˈætʃ chair=tʃˈɛɹ change=tʃˈeɪndʒ cheese=tʃˈiz child=tʃˈaɪld children=tʃˈɪldɹən choice=tʃˈɔɪs church=tʃˈɚtʃ
city=sˈɪɾi clean=klˈin cloak=klˈoʊk close=klˈoʊz closely=klˈoʊsli cloud=klˈaʊd coat=kˈoʊt coin=kˈɔɪn cold=kˈoʊld
come=kˈʌm confess=kənfˈɛs considered=kənsˈɪdɚd could=kʊd cow=kˈaʊ cup=kˈʌp dance=dˈæns dark=dˈɑɹk daughter=dˈɔɾɚ
day=dˈeɪ decision=dɪsˈɪʒən did=dɪd disputing=dɪspjˈutɪŋ do=du doctor=dˈɑktɚ dog=dˈɔg door=dˈɔɹ down=dˈaʊn draw=dɹˈɔ
dream=dɹˈim drink=dɹˈɪŋk each=ˈitʃ early=ˈɚli earth=ˈɚθ easy=ˈizi eat=ˈit edge=ˈɛdʒ egg=ˈɛg eight=ˈeɪt enjoy=ɪndʒˈɔɪ
evening=ˈivnɪŋ ever=ˈɛvɚ every=ˈɛvɹi eye=ˈaɪ face=fˈeɪs fall=fˈɔl family=fˈæməli far=fˈɑɹ farm=fˈɑɹm father=fˈɑðɚ
feather=fˈɛðɚ few=fjˈu field=fˈild find=fˈaɪnd fire=fˈaɪɚ first=fˈɚst fish=fˈɪʃ five=fˈaɪv flower=flˈaʊɚ fold=fˈoʊld
follow=fˈɑloʊ food=fˈud foot=fˈʊt for=fɔɹ found=fˈaʊnd four=fˈɔɹ friend=fɹˈɛnd from=fɹʌm fruit=fɹˈut full=fˈʊl
game=gˈeɪm garage=gɚˈɑʒ garden=gˈɑɹdən gave=gˈeɪv girl=gˈɚl give=gˈɪv go=gˈoʊ gold=gˈoʊld good=gˈʊd grass=gɹˈæs
great=gɹˈeɪt green=gɹˈin had=hæd hair=hˈɛɹ half=hˈæf hand=hˈænd happy=hˈæpi hard=hˈɑɹd has=hæz hat=hˈæt have=hæv
he=hi head=hˈɛd hear=hˈɪɹ heart=hˈɑɹt heavy=hˈɛvi help=hˈɛlp her=hɚ here=hˈɪɹ high=hˈaɪ him=hɪm his=hɪz home=hˈoʊm
horse=hˈɔɹs hot=hˈɑt house=hˈaʊs how=hˈaʊ i=aɪ ice=ˈaɪs if=ɪf immediately=ɪmˈidiətli in=ɪn into=ɪntu is=ɪz it=ɪt
job=dʒˈɑb join=dʒˈɔɪn joy=dʒˈɔɪ judge=dʒˈʌdʒ jump=dʒˈʌmp just=dʒˈʌst keep=kˈip key=kˈi kind=kˈaɪnd king=kˈɪŋ
know=nˈoʊ land=lˈænd language=lˈæŋgwɪdʒ large=lˈɑɹdʒ last=lˈæst late=lˈeɪt laugh=lˈæf leaf=lˈif learn=lˈɚn
leave=lˈiv left=lˈɛft leg=lˈɛg letter=lˈɛɾɚ life=lˈaɪf light=lˈaɪt like=lˈaɪk listen=lˈɪsən little=lˈɪɾəl live=lˈɪv
long=lˈɔŋ look=lˈʊk love=lˈʌv make=mˈeɪk making=mˈeɪkɪŋ man=mˈæn many=mˈɛni me=mi measure=mˈɛʒɚ meet=mˈit milk=mˈɪlk
money=mˈʌni month=mˈʌnθ moon=mˈun more=mˈɔɹ morning=mˈɔɹnɪŋ mother=mˈʌðɚ mountain=mˈaʊntən mouse=mˈaʊs mouth=mˈaʊθ
move=mˈuv much=mˈʌtʃ music=mjˈuzɪk must=mʌst my=maɪ name=nˈeɪm near=nˈɪɹ never=nˈɛvɚ new=nˈu night=nˈaɪt nine=nˈaɪn
no=nˈoʊ noise=nˈɔɪz north=nˈɔɹθ nose=nˈoʊz not=nˈɑt now=nˈaʊ obliged=əblˈaɪdʒd of=ʌv off=ˈɔf old=ˈoʊld on=ɑn
one=wˈʌn open=ˈoʊpən or=ɔɹ orange=ˈɔɹɪndʒ other=ˈʌðɚ our=aʊɚ out=ˈaʊt over=ˈoʊvɚ paper=pˈeɪpɚ park=pˈɑɹk
people=pˈipəl phone=fˈoʊn picture=pˈɪktʃɚ place=plˈeɪs play=plˈeɪ pleasure=plˈɛʒɚ point=pˈɔɪnt pull=pˈʊl push=pˈʊʃ
put=pˈʊt queen=kwˈin question=kwˈɛstʃən quick=kwˈɪk quiet=kwˈaɪət rain=ɹˈeɪn read=ɹˈid red=ɹˈɛd right=ɹˈaɪt
ring=ɹˈɪŋ river=ɹˈɪvɚ road=ɹˈoʊd room=ɹˈum round=ɹˈaʊnd run=ɹˈʌn said=sˈɛd same=sˈeɪm saw=sˈɔ say=sˈeɪ school=skˈul
sea=sˈi see=sˈi seven=sˈɛvən shall=ʃæl she=ʃi sheep=ʃˈip shine=ʃˈaɪn ship=ʃˈɪp shirt=ʃˈɚt shoe=ʃˈu shone=ʃˈoʊn
shop=ʃˈɑp short=ʃˈɔɹt should=ʃʊd show=ʃˈoʊ sing=sˈɪŋ sister=sˈɪstɚ sit=sˈɪt six=sˈɪks sky=skˈaɪ sleep=slˈip
slow=slˈoʊ small=smˈɔl smooth=smˈuð snow=snˈoʊ so=sˈoʊ soft=sˈɔft song=sˈɔŋ soon=sˈun sound=sˈaʊnd south=sˈaʊθ
speak=spˈik speech=spˈitʃ spring=spɹˈɪŋ stand=stˈænd star=stˈɑɹ still=stˈɪl stone=stˈoʊn story=stˈɔɹi street=stɹˈit
strength=stɹˈɛŋkθ strong=stɹˈɔŋ stronger=stɹˈɔŋgɚ succeeded=səksˈidɪd sugar=ʃˈʊgɚ summer=sˈʌmɚ sun=sˈʌn
table=tˈeɪbəl take=tˈeɪk talk=tˈɔk tall=tˈɔl teach=tˈitʃ teeth=tˈiθ tell=tˈɛl ten=tˈɛn than=ðæn thank=θˈæŋk that=ðæt
the=ðə their=ðɛɹ them=ðɛm then=ðˈɛn there=ðˈɛɹ these=ðˈiz they=ðeɪ thick=θˈɪk thin=θˈɪn thing=θˈɪŋ think=θˈɪŋk
this=ðˈɪs those=ðˈoʊz thought=θˈɔt three=θɹˈi through=θɹˈu thumb=θˈʌm time=tˈaɪm to=tu today=tədˈeɪ together=təgˈɛðɚ
tongue=tˈʌŋ took=tˈʊk tooth=tˈuθ town=tˈaʊn toy=tˈɔɪ train=tɹˈeɪn traveler=tɹˈævəlɚ tree=tɹˈi true=tɹˈu try=tɹˈaɪ
two=tˈu under=ˈʌndɚ up=ˈʌp us=ʌs use=jˈuz usual=jˈuʒuəl very=vˈɛɹi vision=vˈɪʒən visit=vˈɪzɪt voice=vˈɔɪs wait=wˈeɪt
walk=wˈɔk wall=wˈɔl want=wˈɑnt warm=wˈɔɹm warmly=wˈɔɹmli was=wʌz wash=wˈɑʃ watch=wˈɑtʃ water=wˈɔɾɚ way=wˈeɪ we=wi
weather=wˈɛðɚ week=wˈik well=wˈɛl went=wˈɛnt were=wɚ what=wˈʌt wheel=wˈil when=wɛn where=wˈɛɹ which=wɪtʃ white=wˈaɪt
who=hˈu why=wˈaɪ will=wɪl wind=wˈɪnd window=wˈɪndoʊ winter=wˈɪntɚ with=wɪð woman=wˈʊmən wood=wˈʊd word=wˈɚd
work=wˈɚk world=wˈɚld would=wʊd wrapped=ɹˈæpt write=ɹˈaɪt year=jˈɪɹ yellow=jˈɛloʊ yes=jˈɛs yesterday=jˈɛstɚdeɪ
you=ju young=jˈʌŋ your=jɔɹ zebra=zˈibɹə zero=zˈɪɹoʊ zoo=zˈu
"""
