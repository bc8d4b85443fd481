"""The phrases that ``heuristics`` looks for, as data, each list with its reason.

A phrase list deletes whatever it matches, so each pattern names the *whole* figure of speech. The list that many
projects share (about 75 phrases, from the first Vicuna cleaning scripts) also holds "I'm an", "It is impossible" and
"September 2021", matches anywhere, and so deletes good rows. Here patterns are anchored to the beginning of a sentence
or need two signals close together, and letters, stories and dialogues of people who are sorry or unable must pass.

Sources: FastChat data/optional_clean.py; open-instruct's provider filters; AlpacaDataCleaned (classes of errors).
"""

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE | re.MULTILINE)


# The beginning of a text or sentence; "’" is how many models write the apostrophe.
_START = r"(?:\A\s*|(?<=[.!?\n])\s*)"
_START_ZH = r"(?:\A\s*|(?<=[。！？\n])\s*)"
_AI = (
    r"(?:an?\s+)?(?:ai|artificial intelligence|large language|language|ai language)"
    r"(?:\s+(?:language\s+)?(?:model|assistant|chatbot))?"
)
_CANNOT = (
    r"(?:can(?:'|’)?t|cannot|can not|(?:a|'|’)m (?:unable|not able) to|am (?:unable|not able) to|won(?:'|’)t|will not|"
    r"(?:must|have to) decline to)"
)
# What an assistant is asked for. "I cannot wait" and "I'm sorry, but I can't come to your party" are not refusals.
_SERVE = (
    r"(?:be able to )?(?:help|assist|provide|fulfil|comply|answer|respond to|generate|create|write|complete|produce|"
    r"offer|give you|access|browse|open|see|view|engage|do that|do this|satisfy)\b"
)
# What people in letters cannot do either: "process your refund", "support this proposal". With such an object it is a
# refusal only if that is the request, or what models are shown.
_SERVE_OR_ACT = (
    r"(?:support|process|discuss|share|continue|participate|perform|advise|recommend)\b"
    r"(?!\s+(?:in |on |with |to |for )?(?:your|this|the|his|her|their|our|my|you)\b"
    r"(?![^.!?\n]{0,30}\b(?:request|question|prompt|query|instruction|task|image|picture|photo|file|link|url|page|website|"
    r"video|audio|attachment|document|content|conversation|topic|activit|behaviou?r|action)))"
)
_CANNOT_ZH = r"(?:不能|无法|不会|不可以|没有办法|没法|没有能力|不便|暂时不能|不具备)"
_SERVE_ZH = (
    r"(?:直接|继续|为您|为你|给您|给你|帮您|帮你|帮助|协助|提供|回答|回应|完成|满足|生成|创建|支持|执行|讨论|访问|浏览|打开|"
    r"查看|获取|处理|给出|告诉|参与|撰写|编写|推荐|实时|确定您|理解您)"
)
# Not "as a student of artificial intelligence".
_AI_ZH = (
    r"(?:一个|一名|一款|一位)?(?:AI|人工智能|大?语言模型|聊天机器人|智能助手|虚拟助手)"
    r"(?!专业|领域|公司|研究|工程|行业|技术|课|学)"
)

REFUSAL = _any(
    # "I'm sorry, but I can't help with that", "I apologize, but as an AI I am unable to browse …"
    rf"{_START}(?:i\s?(?:'|’)?a?m\s+(?:very |really |so |truly )?sorry|sorry|i apologi[sz]e|(?:my )?apologies|"
    rf"unfortunately|regrettably)\b[,.]?\s*(?:but\s+)?(?:as {_AI}[^.!?\n]{{0,60}}?)?i\s?{_CANNOT}\s+"
    rf"(?:{_SERVE}|{_SERVE_OR_ACT})",
    # "I cannot assist with …", "I can't help you with …" — bare refusals of newer models
    rf"{_START}i\s?{_CANNOT}\s+(?:help|assist|comply|fulfil|provide|support|engage|participate)\b(?! but\b)",
    # "As an AI language model, I don't have access to …"
    rf"{_START}as {_AI},?[^.!?\n]{{0,60}}?\b(?:{_CANNOT}|do(?:n(?:'|’)t| not) have|not appropriate)",
    rf"{_START}it(?:'|’| i)s (?:not appropriate|inappropriate|unethical|not possible) for me to\b",
    rf"{_START_ZH}(?:非常|很|十分|真的)?(?:抱歉|对不起|不好意思|遗憾)[，,。！\s]{{0,2}}(?:但是?|不过)?"
    rf"(?:作为{_AI_ZH}[^。\n]{{0,12}})?我?(?:目前|暂时|现在|并|也)?{_CANNOT_ZH}{_SERVE_ZH}",
    rf"{_START_ZH}我(?:目前|暂时|现在)?{_CANNOT_ZH}(?:为您|为你|帮您|帮你|提供|回答|协助|满足|完成您|完成你)",
    rf"{_START_ZH}(?:作为|我是){_AI_ZH}[^。\n]{{0,30}}?(?:{_CANNOT_ZH}|没有)",
)

# Names that only ever mean a model or its maker.
_MODELS = r"(?:chatgpt|gpt-?[345]\w*|openai|vicuna|lmsys|chatglm|qwen|deepseek|llama|文心一言|通义千问|讯飞星火|豆包)"
_MAKERS = (
    r"(?:openai|anthropic|google|deepmind|meta(?: ai)?|microsoft|mistral(?: ai)?|alibaba|deepseek|baidu|tencent|zhipu|"
    r"lmsys|large model systems organization|stability ai|xai|cohere|百度|阿里巴?巴?|腾讯|字节跳动|智谱|科大讯飞|"
    r"月之暗面|深度求索)"
)

# A row that says which model wrote it teaches the student a false name. Assistant text only: users may say these.
IDENTITY = _any(
    rf"\b(?:i am|i(?:'|’)m|my name is|call me)\b(?: just| only| actually| not| called| an?| the)*\s+{_MODELS}\b",
    rf"\b(?:i am|i(?:'|’)m|as|call me)\b[^.!?\n]{{0,60}}\b(?:model|assistant|chatbot|ai)\b"
    rf"[^.!?\n]{{0,40}}?\b(?:trained|developed|created|built|made|designed|by|from)\b[^.!?\n]{{0,60}}?\b{_MAKERS}\b",
    # Claude, Gemini and Bard only beside their makers: they are also people, a sign and a trade.
    rf"\b(?:i am|i(?:'|’)m|my name is)\s+(?:claude|gemini|bard)\b[^.!?\n]{{0,60}}?\b{_MAKERS}\b",
    rf"\bi(?:\s(?:was|am|have been)|(?:'|’)(?:m|ve been))\s+(?:trained|developed|created|built|made|designed)\b"
    rf"[^.!?\n]{{0,40}}?\bby\b[^.!?\n]{{0,60}}?\b{_MAKERS}\b",
    rf"\bmy (?:creator|developer|maker)s?\b[^.!?\n]{{0,60}}?\b{_MAKERS}\b",
    rf"\b{_MAKERS}\b[^.!?\n]{{0,40}}?\b(?:trained|developed|created|built|made|designed) me\b",
    rf"{_START}as an? (?:ai|artificial intelligence|large language)(?: language)? (?:model|assistant|chatbot),? "
    r"(?:i|my)\b",
    rf"我(?:是|叫|的名字是)[^。！？\n]{{0,20}}?{_MODELS}",
    rf"我(?:是|由)[^。！？\n]{{0,40}}?{_MAKERS}[^。！？\n]{{0,30}}?(?:开发|训练|研发|创建|创造|打造|推出|模型|助手)",
    rf"{_START_ZH}作为(?:一个|一名|一款|一位)(?:AI|人工智能|大?语言模型)[^。\n]{{0,12}}?[，,]\s*我",
)

# Words of our own prompts (docs/prompts.md) or of WizardLM's that stand in a row only because a reply was cut wrong.
SCAFFOLD = _any(
    r"^# (?:Propose new (?:classification )?tasks|Classification or not|Write examples, (?:input|label) first|"
    r"Write complete tasks|Evolve an instruction: |Create a rarer instruction|Equal or not|"
    r"Write instructions on given topics|Move an instruction to a topic|Explain a known answer|"
    r"Same problem or not|Safety categories of a row)",
    r"^# (?:提出新的?(?:分类)?任务|是否为分类任务|编写示例：先写|编写完整任务|指令进化：|创造更少见的指令|是否相同|"
    r"按主题编写指令|将指令改写到主题|解释已知答案|是否为同一道题|训练数据的安全类别)",
    r"^\s*(?:class label\s*:|类别标签\s*[：:])",
    r"^\s*\d+\s*[.、]\s*(?:instruction\s*:|指令\s*[：:])",
    r"^#{2,}\s*(?:task|任务)\s*\d+\s*[:：.]?\s*\n+\s*\W{0,3}(?:instruction|指令)\W{0,3}[:：]",
    r"#(?:given|rewritten|the given|the rewritten) (?:prompt|instruction)#|\brewritten (?:prompt|instruction)\b",
    r"改写后的(?:指令|提示)\s*[：:]|^(?:write|请写出第?)\s*(?:tasks|任务)?\s*\d+ (?:to|到第) \d+(?:\.| 个任务)",
)

# The tags of our prompts; a reply may hold one that its instruction speaks of, or that is part of a markup language.
SCAFFOLD_TAGS = re.compile(r"</?(instruction|verdict|topics|subtopic|noinput|无输入)(?:\s[^<>\n]*)?>", re.IGNORECASE)
MARKUP = _any(r"\b(?:xml|html|xhtml|svg|xslt?|dtd|markup|tags?)\b|标签|标记")

# The same, where the text is an instruction: a worksheet may answer with "### Task 1", an instruction does not begin
# so, and these tags are HTML or XML anywhere but at the two ends.
INSTRUCTION_SCAFFOLD = _any(
    r"\A\s*(?:#{2,}\s*(?:task|任务)\s*\d+|(?:\W{0,3}(?:instruction|指令)\W{0,3}[:：])|(?:example|示例)\s*\d+\s*[:：\n])",
    r"\A\s*<(?:task|example|first|second|topic|hint|input)>|</(?:task|example|first|second|topic|hint|input)>\s*\Z",
    # Between the two ends an instruction may ask for a tag: "Put the label in <verdict> and </verdict>."
    r"\A\s*</?(?:instruction|verdict|topics|subtopic|noinput|无输入)(?:\s[^<>\n]*)?>",
    r"\A[^<]*</(?:instruction|verdict|topics|subtopic)>|<instruction(?:\s[^<>\n]*)?>[^<]{8,}</instruction>\s*\Z",
    r"<(?:noinput|无输入)>\s*\Z",
)

# Only in evolved rows: "Write a story from the given prompt" is a fair instruction of its own.
EVOLUTION = _any(r"\bgiven (?:prompt|instruction)\b", r"\b(?:new|created) prompt\b", r"给定的?(?:指令|提示)")

# Ways to say that there is no input; 583 rows of the first Alpaca release have one as their input.
NO_INPUT = _any(
    r"\A\W*(?:no[\s_-]*inputs?(?:\s+(?:needed|required|provided|necessary|given))?|input\s*:\s*(?:none|n/?a|nil|null|"
    r"not applicable)|(?:无|无需|没有|不需要|空)输入)\W*\Z"
)
# The same in one word, which may also be the datum …
NO_INPUT_WORD = _any(r"\A\W*(?:none|n/?a|nil|null|not applicable|无|空)\W*\Z")
# … where the instruction points at one value or word, or names such a value itself.
ABOUT_VALUES = _any(
    r"\b(?:this|following|given)\s+(?:\w+\s+){0,2}(?:values?|word|literal|token|keyword|abbreviation|acronym|string|"
    r"expression|entry|cell|answer|term|variable|constant|symbol)\b",
    r"\bthe (?:value|literal|token|keyword|abbreviation|acronym)\b",
    r"\b(?:none|null|nil|n/a|falsy|truthy|data ?type|stands? for|does (?:this|it) mean)\b",
    r"(?:这个|这一|下列|以下|下面|给定的?|该|此)[^。！？\n]{0,6}(?:值|词|字|类型|缩写|变量|表达式|汉字)",
)

# A response that is no response. "None" and "无" may be right answers, so they are not here.
NO_RESPONSE = _any(r"\A\W*(?:n/a|no[\s_-]*output|no response|not applicable)\W*\Z|\A\W*(?:无|无需|没有)输出\W*\Z")

# An instruction that ends with a colon and points at something, while there is no input: its text was lost. Without
# such a word, "List the turning points of the war:" is complete; 135 of 10,282 real Chinese instructions end so.
POINTING = _any(
    r"\b(?:following|below|given|these)\b[^.!?\n]*:\s*\Z",
    r"\bthis (?:\w+ )?(?:sentence|paragraph|text|passage|article|code|list|question|word|poem|email|review)\b"
    r"[^.!?\n]*:\s*\Z",
    r"(?:以下|下列|下面|如下|给定|给出的|这段|这句|这篇)[^。！？\n]*[:：]\s*\Z",
)

# The input speaks of content that no one attached …
ATTACHMENT = _any(
    r"\A\W*(?:https?://\S+\s*)+\Z",
    r"\A\s*[<\[(（【][^<>\[\]()（）【】\n]{0,60}\b(?:attached|attachment|image|photo|picture|audio|video|file|link|url|"
    r"screenshot|insert\b[^<>\[\]\n]{0,40}here)[^<>\[\]()\n]{0,40}[>\])）】]\s*\Z",
    r"\A\s*(?:see|please see|refer to) (?:the )?(?:attached|attachment)[^\n]{0,60}\Z",
    # Bare, only the word itself: "附件已收到" is a message to read.
    r"\A\s*[<\[(（【](?:请?见附件|附件|图片|音频|视频|链接|网址)[^\n]{0,10}[>\])）】]\s*\Z",
    r"\A\s*(?:请?(?:参)?见附件|附件|图片|音频|视频|链接|网址)(?:如下|见下|所示|略|\d{1,2})?[。.:：]?\s*\Z",
)
# … unless the task is about the address itself, or about how the text is worded.
ABOUT_ADDRESSES = _any(
    r"\b(?:urls?|links?|domains?|addresses|website|webpage|hostname|protocol|query string)\b",
    r"\b(?:spam|phish\w*|scam|malicious|suspicious|tone|sentiment|polite\w*)\b",
    r"网址|链接|域名|网站|垃圾|钓鱼|恶意|可疑|语气|情感|礼貌",
)

# A correct answer may be its input: a sentence without a mistake, a list in order.
SAME_IS_RIGHT = _any(
    r"\b(?:proof-?read|correct|fix|edit|check|repair|sort|normali[sz]e|lint|repeat|copy|echo|"
    r"unchanged|simplify|round|grammar\w*|spelling|typos?|errors?|mistakes?)\b",
    r"校对|改正|纠正|更正|修正|修改|检查|排序|重复|复述|抄写|原样|化简|错误|错别字|病句|语法",
)
# A row that asks for repetition, or for its own words.
REPEATING = _any(
    r"\brepeat\w*|\brepetiti\w+|\b(?:refrain|chorus|mantra|palilalia)\b",
    r"\b(?:write|say|print|type|output|copy|list)\b[^.\n]{0,60}\btimes\b",
    r"重复|复读|(?:写|说|输出|打印|抄|念)[^。\n]{0,20}[遍次]",
)

# A row that asks for another language, or writes to people abroad, so that an answer in it is right.
TRANSLATION = _any(
    r"\btranslat|\btransliterat|\b(?:in|into|to|from) (?:chinese|mandarin|english|french|spanish|german|japanese|"
    r"korean|russian|arabic|hindi|portuguese|italian|greek|hebrew|thai)\b|\bpinyin\b|\bkanji\b",
    # In "What is the Chinese for rice?" no verb says so.
    r"\b(?:chinese|mandarin|japanese|korean|russian|arabic|hindi|greek|hebrew|thai|ukrainian) "
    r"(?:for|words?|names?|terms?|characters?|phrases?|sayings?|idioms?|equivalents?|translations?|versions?)\b",
    r"(?:英国|美国|外国|国外|海外|外籍|外贸|国际|欧洲|法国|德国|日本|韩国|俄罗斯|西班牙)[^。！？\n]{0,4}"
    r"(?:客户|朋友|客人|同事|公司|大学|学校|教授|导师|读者|游客|供应商|买家|合作)",
    r"翻译|译成|译为|英译|汉译|中译|英文|英语|法语|德语|日语|韩语|俄语|西班牙语|拼音|外语|双语",
)

# Tasks about a language, which may be asked or answered in it; so may all that TRANSLATION finds.
ABOUT_LANGUAGE = _any(
    r"\b(?:english|french|spanish|castilian|catalan|portuguese|brazilian|italian|latin|romanian|german|dutch|flemish|"
    r"swedish|norwegian|danish|icelandic|finnish|estonian|hungarian|polish|czech|slovak|slovene|slovenian|croatian|"
    r"serbian|bosnian|bulgarian|russian|ukrainian|turkish|persian|farsi|urdu|arabic|hebrew|hindi|bengali|indonesian|malay|"
    r"tagalog|filipino|vietnamese|swahili|esperanto|greek|welsh|irish|gaelic|basque)\b",
    r"\blanguages?\b|\bbilingual|\bloanword",
    r"übersetz|\btradu[icsz]|\bперев(?:ед|од)|tłumacz|přelož|překlad|\bvertaal|översätt|\bçevir|\boversæt|\bterjemah",
)

# Latin letters in a Chinese row are prose only if words like these are among them; else they are names, units, code.
# Of 10,282 Chinese answers about Scratch, 31 are lists of its English block names.
FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        "the of and to is in a that for it with are this be on as by you can "
        "le la les de des et est un une que el los las en y der die das und ist ein eine zu",
    )
)

# A long text that ends in one of these words, without a full stop, was cut.
DANGLING = _any(
    r"(?:\s(?:the|an?|and|or|of|to|in|with|for|by|from|is|are|was|were|that|which|because|but|as|at|your|their|its)|[,(\[{])\s*\Z",
    r"[，、（《“和与或及]\s*\Z",
)
