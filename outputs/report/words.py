"""What a reason means, in a sentence that needs no code: "rows that …"."""

REASONS = {
    # what came back from the model, or did not
    "truncated": "were cut off before their end",
    "content_filter": "were held back by the endpoint's content filter",
    "empty": "came back empty",
    "empty_completion": "came back without any text",
    "unparsable": "could not be read: not in the form that was asked for",
    "refused": "were declined by the model",
    "refused_request": "were refused by the endpoint as a request",
    "refusal": "decline to answer",
    "chatter": "hold no task, only talk around it",
    "unclosed_think": "never end their thoughts, so that the answer cannot be told from them",
    "malformed_think": "mix thoughts and answer, so that they cannot be told apart",
    "timeout": "got no answer in time",
    "rate_limited": "were turned away again and again by the endpoint's rate limit",
    "server_error": "met an error of the endpoint, at every attempt",
    "disconnected": "lost their connection, at every attempt",
    "unreadable_reply": "got a reply that is not what the protocol says, at every attempt",
    "error": "failed at every attempt",
    # proposals and instances
    "missing_instruction": "lack their instruction",
    "missing_output": "lack their output",
    "empty_output": "have an empty output",
    "answered_instead": "hold the answer where the task should be",
    "too_short": "are too short",
    "too_long": "are too long",
    "banned_word": "ask for something that text cannot do, such as looking at a picture",
    "starts_with_program": "ask for a program",
    "starts_with_punctuation": "begin with a punctuation mark",
    "wrong_language": "are written in another language than they should be",
    "repeated_example": "repeat an example that the prompt showed",
    "not_novel": "are too like an earlier row",
    "duplicate_instance": "repeat an instance of the same task",
    "conflicting_outputs": "have the input of another instance, and another output",
    "ends_with_colon": "break off at a colon",
    "surplus": "are good, and more than were asked for",
    # topics
    "unsuitable": "cannot be moved to the topic, as the model found; another topic was tried",
    "topic_exhausted": "found no topic that suits them",
    "topic_pasted": "only had the topic's name added",
    "lost_input": "lost the input that belongs to them",
    "leaked_markup": "hold tags of the prompt",
    # evolution
    "refused_to_evolve": "were not rewritten: the model declined",
    "unchanged": "came back as they were",
    "copied_prompt_words": "hold words of the prompt that asked for them",
    "holds_answer": "go on with their own answer",
    "several_tasks": "are a list of tasks, not one",
    "language_drift": "changed their language on the way",
    "no_information_gain": "are no harder or richer than what they were made from, as the judge found",
    "undecided": "could not be judged",
    "sorry_short": "got a short excuse for an answer",
    "only_punctuation_or_stopwords": "got an answer that says nothing",
    "stagnant": "got thanks for an answer, and a question back",
    "under_qualified": "got a promise for an answer, and a question back",
    "lost_information": "ask for something that is not in them",
    "superseded": "are earlier versions of a row whose last version was wanted",
    # reasoning
    "no_answer": "never come to an answer",
    "empty_answer": "come to an empty answer",
    "several_answers": "come to several answers",
    "empty_reasoning": "give an answer without its steps",
    "repetitive": "go round in circles",
    "wrong_answer": "come to another answer than the known one",
    "no_majority": "got answers that do not agree",
    "outvoted": "came to another answer than most",
    "disagreement": "have a response and a worked answer that contradict each other",
    "mentions_hint": "speak of the hint that they were given",
    # filters
    "instruction_too_short": "have an instruction that is too short",
    "instruction_too_long": "have an instruction that is too long",
    "missing_input": "speak of an input that is not there",
    "no_input_marker": "have “no input” written where the input goes",
    "hallucinated_attachment": "point to an attachment that is not there",
    "leaked_scaffold": "hold words of a prompt",
    "control_characters": "hold control characters",
    "empty_response": "have no response",
    "response_too_short": "have a response that is too short",
    "response_too_long": "have a response that is too long",
    "response_ends_with_colon": "announce something that does not come",
    "echo": "answer with their own question",
    "identity": "say which model or company wrote them",
    "repetition": "repeat themselves",
    "repeated_lines": "say the same lines again and again",
    "repeated_paragraphs": "say the same paragraphs again and again",
    "frequent_ngram": "are full of one phrase",
    "repeated_ngrams": "go on to say what they have said before",
    "language_not_wanted": "are written in a language that was not asked for",
    "conversation_too_short": "are too short with all their turns",
    "conversation_too_long": "are too long with all their turns",
    "template_refused": "cannot be written by the tokenizer's chat template",
    "exact_duplicate": "are the same as an earlier row, but for case and blanks",
    "near_duplicate": "share most of their wording with an earlier row",
    "same_meaning": "mean the same as an earlier row",
}

STOPS = {
    "complete": "all rows that were asked for",
    "exhausted_seeds": "the seeds were used up",
    "falling_yield": "too little of what was made survived",
    "max_rounds": "the limit of rounds was reached",
    "budget_usd": "the budget in dollars was spent",
    "budget_tokens": "the budget of tokens was spent",
    "budget_requests": "the budget of requests was spent",
    "interrupted": "it was stopped",
}


def meaning(reason: str) -> str:
    """The reason as the end of a sentence that begins with the rows; a stage's own word is told as it is."""
    return REASONS.get(reason, f"were dropped as “{reason.replace('_', ' ')}”")


def ending(stop_reason: str) -> str:
    """Why a run ended, in words."""
    return STOPS.get(stop_reason, stop_reason.replace("_", " "))
