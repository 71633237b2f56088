# SPDX-License-Identifier: Apache-2.0
"""The official client, unchanged: what it sends is understood, what comes back has OpenAI's shapes."""

import math

import openai
import pytest

QUESTION = [{"role": "user", "content": "Name three colours of the rainbow."}]


def ask(client, model, **options):
    options = {"temperature": 0, "max_tokens": 48, "messages": QUESTION, **options}
    return client.chat.completions.create(model=model, **options)


def test_models_are_listed_and_found_by_name(client, model):
    assert [entry.id for entry in client.models.list()] == [model]
    entry = client.models.retrieve(model)
    assert (entry.id, entry.object) == (model, "model")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("another")


def test_an_answer_has_the_shape_of_openai(client, model):
    answer = ask(client, model)
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-") and answer.model == model
    assert answer.created > 1_600_000_000 and answer.system_fingerprint
    (choice,) = answer.choices
    assert choice.index == 0 and choice.message.role == "assistant" and choice.message.content.strip()
    assert choice.finish_reason in ("stop", "length")
    assert answer.usage.prompt_tokens > 5 and 0 < answer.usage.completion_tokens <= 48
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_says_what_the_answer_says(client, model):
    answer = ask(client, model)
    chunks = list(ask(client, model, stream=True, stream_options={"include_usage": True}))
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(part.delta.content or "" for chunk in chunks for part in chunk.choices) \
        == answer.choices[0].message.content
    reasons = [part.finish_reason for chunk in chunks for part in chunk.choices if part.finish_reason]
    assert reasons == [answer.choices[0].finish_reason]
    assert chunks[-1].choices == [] and chunks[-1].usage.model_dump(include={"prompt_tokens", "completion_tokens"}) \
        == answer.usage.model_dump(include={"prompt_tokens", "completion_tokens"})


def test_a_stream_has_no_usage_unless_asked(client, model):
    assert all(chunk.usage is None and chunk.choices for chunk in ask(client, model, stream=True))


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_a_limit_of_tokens_is_exact(client, model, limit):
    options = {"max_tokens": openai.omit, limit: 7}
    answer = ask(client, model, extra_body={"ignore_eos": True}, **options)
    assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 7


def test_a_stop_text_ends_the_answer_and_is_not_part_of_it(client, model):
    whole = ask(client, model).choices[0].message.content
    middle = len(whole) // 2
    stop = whole[middle:middle + 5]  # begins and ends in the middle of words
    expected = whole[:whole.index(stop)]
    answer = ask(client, model, stop=stop)
    assert answer.choices[0].message.content == expected and answer.choices[0].finish_reason == "stop"
    streamed = ask(client, model, stop=["nowhere in it", stop], stream=True)
    assert "".join(part.delta.content or "" for chunk in streamed for part in chunk.choices) == expected


def test_the_same_seed_gives_the_same_answer(client, model):
    def sample(seed):
        return ask(client, model, temperature=1.0, seed=seed).choices[0].message.content

    assert sample(7) == sample(7)
    assert len({sample(seed) for seed in (7, 8, 9)}) > 1


def test_several_choices_are_the_answers_of_consecutive_seeds(client, model):
    together = ask(client, model, temperature=1.0, seed=40, n=3)
    assert [choice.index for choice in together.choices] == [0, 1, 2]
    texts = [choice.message.content for choice in together.choices]
    assert len(set(texts)) > 1
    alone = [ask(client, model, temperature=1.0, seed=40 + i).choices[0].message.content for i in range(3)]
    assert texts == alone
    assert together.usage.completion_tokens > 3


def test_log_probabilities_of_a_chat(client, model):
    answer = ask(client, model, max_tokens=12, logprobs=True, top_logprobs=5)
    entries = answer.choices[0].logprobs.content
    assert len(entries) == answer.usage.completion_tokens
    assert b"".join(bytes(entry.bytes) for entry in entries).decode().startswith(answer.choices[0].message.content)
    for entry in entries:
        alternatives = [top.logprob for top in entry.top_logprobs]
        assert len(alternatives) == 5 and alternatives == sorted(alternatives, reverse=True)
        assert entry.logprob == alternatives[0] <= 0  # greedy: the most likely one was taken
        assert sum(map(math.exp, alternatives)) <= 1.0001


def test_completions_of_several_prompts(client, model):
    prompts = ["The capital of France is", "Two plus two is"]
    together = client.completions.create(model=model, prompt=prompts, max_tokens=8, temperature=0)
    assert together.object == "text_completion" and [choice.index for choice in together.choices] == [0, 1]
    for prompt, choice in zip(prompts, together.choices):
        alone = client.completions.create(model=model, prompt=prompt, max_tokens=8, temperature=0)
        assert choice.text == alone.choices[0].text
    assert "Paris" in together.choices[0].text


def test_a_prompt_may_be_token_ids(client, model):
    ids = [504, 3575, 282, 4649, 314]  # "The capital of France is"
    by_ids = client.completions.create(model=model, prompt=ids, max_tokens=8, temperature=0)
    by_text = client.completions.create(model=model, prompt="The capital of France is", max_tokens=8, temperature=0)
    assert by_ids.usage.prompt_tokens == len(ids)
    assert by_ids.choices[0].text == by_text.choices[0].text


def test_echo_scores_the_prompt_with_the_bits_of_its_generation(client, model):
    prompt = "The capital of France is"
    options = {"model": model, "temperature": 0, "logprobs": 1}
    made = client.completions.create(prompt=prompt, max_tokens=12, **options).choices[0]
    scored = client.completions.create(prompt=prompt + made.text, max_tokens=0, echo=True, **options).choices[0]
    assert scored.text == prompt + made.text
    assert scored.logprobs.token_logprobs[0] is None
    count = len(made.logprobs.tokens)
    assert scored.logprobs.tokens[-count:] == made.logprobs.tokens
    assert scored.logprobs.token_logprobs[-count:] == made.logprobs.token_logprobs
    assert scored.logprobs.text_offset[0] == 0
    assert scored.text[scored.logprobs.text_offset[-1]:] == scored.logprobs.tokens[-1]


def test_loglikelihood_as_lm_evaluation_harness_asks_for_it(client, model):
    """local-completions: prompt and continuation as token ids, echo, one token more that is thrown away."""
    context, continuations = [504, 3575, 282, 4649, 314], {"Paris": [7042], "Rome": [7268]}

    def loglikelihood(continuation):
        answer = client.completions.create(model=model, prompt=[context + continuation], max_tokens=1, temperature=0,
                                           logprobs=1, seed=1234, echo=True)
        logprobs = answer.choices[0].logprobs
        tokens = logprobs.token_logprobs[len(context):-1]
        tops = logprobs.top_logprobs[len(context):-1]
        assert len(tokens) == len(tops) == len(continuation)
        is_greedy = all(token == max(top.values()) for token, top in zip(tokens, tops))
        return sum(tokens), is_greedy

    paris, other = (loglikelihood(ids) for ids in continuations.values())
    assert paris[0] > other[0] and paris[1] and not other[1]


def test_errors_are_those_of_the_client(client, model):
    with pytest.raises(openai.NotFoundError) as unknown:
        ask(client, "another-model")
    assert unknown.value.code == "model_not_found" and "another-model" in unknown.value.message
    with pytest.raises(openai.BadRequestError) as out_of_range:
        ask(client, model, temperature=-1)
    assert out_of_range.value.param == "temperature" and out_of_range.value.type == "invalid_request_error"
    with pytest.raises(openai.BadRequestError) as too_long:
        ask(client, model, messages=[{"role": "user", "content": "word " * 20_000}])
    assert too_long.value.code == "context_length_exceeded"
