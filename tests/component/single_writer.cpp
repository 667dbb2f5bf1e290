#include "single_writer.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "course_trace.h"
#include "protocol/reply_scanner.h"
#include "resp_text.h"

namespace slotless::test {

namespace {

// Of a write that has not been carried out, or a read that has broken its
// connection more than once.
bool isRefusal(std::string_view reply) {
  return reply.starts_with("-ERR The connection to the node broke twice") ||
         reply.starts_with("-ERR The node was lost after this command had kept it") ||
         reply.starts_with("-CLUSTERDOWN") || reply.starts_with("-TRYAGAIN") ||
         reply.starts_with("-EXECABORT");
}

std::string wordOf(const std::optional<std::string>& value) {
  return value ? bulk(*value) : "$-1\r\n";
}

// Takes the first whole reply off; empty: there is none.
std::string_view firstReply(std::string_view bytes) {
  protocol::ReplyScanner scanner;
  const auto result = scanner.scan(bytes);
  if (result.status == protocol::ReplyScanner::Status::Complete) return bytes.substr(0, result.consumed);
  return {};
}

// An array's elements.
std::vector<std::string_view> elementsIn(std::string_view reply) {
  std::vector<std::string_view> found;
  std::string_view rest = reply.substr(reply.find('\n') + 1);
  while (!rest.empty()) {
    found.push_back(firstReply(rest));
    if (found.back().empty()) throw std::logic_error("a broken array");
    rest.remove_prefix(found.back().size());
  }
  return found;
}

}  // namespace

SingleWriter::SingleWriter(FakeClient& client, std::size_t number, const std::vector<std::string>& tags,
                           std::mt19937& random)
    : client_(client), random_(random) {
  for (const std::string& tag : tags) {
    for (const char* name : {"x", "y"}) {
      keys_.push_back("{" + tag + "}" + name + std::to_string(number));
      possible_[keys_.back()] = {std::nullopt};
    }
  }
}

// Another key of the same slot.
std::string SingleWriter::keyLike(const std::string& key) {
  const std::string tag = key.substr(0, key.find('}') + 1);
  std::vector<std::string> found;
  for (const std::string& each : keys_) {
    if (each.starts_with(tag)) found.push_back(each);
  }
  return found[below(found.size())];
}

// `near`: a key of the slot that it has to be about; empty: any.
SingleWriter::Step SingleWriter::makeStep(const std::string& near) {
  const auto key = [&] { return near.empty() ? anyKey() : keyLike(near); };
  const auto lengthBehind = [](const Value& before, const std::string& text) {
    return ":" + std::to_string((before ? before->size() : 0) + text.size()) + "\r\n";
  };
  Step step{};
  step.keys = {key()};
  switch (below(6)) {
    case 0:
    case 1:
      step.kind = Step::Kind::Read;
      step.text = "GET " + step.keys.front();
      return step;
    case 2: {
      step.kind = Step::Kind::Read;
      step.keys.push_back(key());
      step.keys.push_back(key());
      step.text = "MGET " + step.keys[0] + " " + step.keys[1] + " " + step.keys[2];
      return step;
    }
    case 3: {
      const std::string text = newValue();
      step.kind = Step::Kind::Write;
      step.text = "APPEND " + step.keys.front() + " " + text;
      step.changes = {[text](const Value& before) { return Value(before.value_or("") + text); }};
      step.told = [text, lengthBehind](const Value& before) { return lengthBehind(before, text); };
      return step;
    }
    case 4: {
      const std::string text = newValue();
      step.kind = Step::Kind::Write;
      step.text = "SET " + step.keys.front() + " " + text;
      step.changes = {[text](const Value&) { return Value(text); }};
      step.told = [](const Value&) { return std::string("+OK\r\n"); };
      if (below(2) == 0) return step;
      step.keys.push_back(key());
      if (step.keys[0] == step.keys[1]) {
        step.keys.pop_back();
        return step;
      }
      const std::string second = newValue();
      step.text = "M" + step.text + " " + step.keys[1] + " " + second;
      step.changes.push_back([second](const Value&) { return Value(second); });
      return step;
    }
    default:
      step.kind = Step::Kind::Write;
      step.text = "DEL " + step.keys.front();
      step.changes = {[](const Value&) { return Value(); }};
      step.told = [](const Value& before) { return std::string(before ? ":1\r\n" : ":0\r\n"); };
      return step;
  }
}

void SingleWriter::sendSome() {
  std::string bytes;
  for (std::size_t count = 1 + below(5); count > 0; --count) {
    if (below(5) == 0) {
      addTransaction(bytes);
      continue;
    }
    if (below(8) == 0) {
      const std::string text = newValue();
      expected_.push_back({Step::Kind::Fixed, "ECHO " + text, bulk(text), {}, {}, {}, {}});
    } else {
      expect(makeStep({}));
    }
    bytes += request(expected_.back().text);
  }
  if (below(3) == 0) {
    const std::size_t first = below(bytes.size());
    client_.connection().push(std::string_view(bytes).substr(0, first));
    client_.sendsBytes(std::string_view(bytes).substr(first));
  } else {
    client_.connection().push(bytes);
  }
}

void SingleWriter::addTransaction(std::string& bytes) {
  const std::string near = anyKey();
  const auto add = [&](Step step) {
    bytes += request(step.text);
    expect(std::move(step));
  };
  Step exec{Step::Kind::Exec, "EXEC", {}, {}, {}, {}, {}};
  if (below(3) == 0) {
    add({Step::Kind::Queued, "WATCH " + near, "+OK\r\n", {}, {}, {}, {}});
    exec.watched = true;
  }
  add({Step::Kind::Fixed, "MULTI", "+OK\r\n", {}, {}, {}, {}});
  for (std::size_t count = 1 + below(3); count > 0; --count) {
    exec.inside.push_back(makeStep(near));
    add({Step::Kind::Queued, exec.inside.back().text, "+QUEUED\r\n", {}, {}, {}, {}});
  }
  add(std::move(exec));
}

void SingleWriter::fallAsleep() {
  asleep_ = true;
  client_.readsOnly(below(30));
}

void SingleWriter::wakeUp() {
  if (std::exchange(asleep_, false)) client_.readsAgain();
}

void SingleWriter::sendCheck() {
  for (const std::string& key : keys_) {
    Step step{Step::Kind::Read, "GET " + key, {}, {key}, {}, {}, {}};
    client_.connection().push(request(step.text));
    expect(std::move(step));
  }
}

void SingleWriter::expect(Step step) {
  step.number = ++steps_;
  trace("client ", this, " sends ", step.text);
  expected_.push_back(std::move(step));
}

void SingleWriter::receive() {
  if (asleep_ && below(10) == 0) wakeUp();
  received_ += client_.takes();
  while (true) {
    const std::string_view reply = firstReply(received_);
    if (reply.empty()) return;
    if (expected_.empty()) throw std::logic_error("a reply that nobody has asked for: " + std::string(reply));
    const Step step = std::move(expected_.front());
    expected_.pop_front();
    trace("client ", this, ": ", step.text, " => ", shown(reply));
    judge(step, reply);
    settleShared(step, reply.starts_with("-AMBIGUOUS"));
    ++answered_;
    received_.erase(0, reply.size());
  }
}

void SingleWriter::judge(const Step& step, std::string_view reply) {
  switch (step.kind) {
    case Step::Kind::Fixed:
      if (reply != step.reply) fail(step, reply, "not " + step.reply);
      return;
    case Step::Kind::Queued:
      if (reply != step.reply && !isRefusal(reply)) fail(step, reply, "not " + step.reply);
      return;
    case Step::Kind::Read: return judgeRead(step, reply);
    case Step::Kind::Write: return judgeWrite(step, reply);
    case Step::Kind::Exec: return judgeExec(step, reply);
  }
}

void SingleWriter::judgeRead(const Step& step, std::string_view reply) {
  if (isRefusal(reply)) {
    ++refused_;
    return;
  }
  if (reply.starts_with("-AMBIGUOUS")) return awaitAmbiguous(step, reply);
  if (reply.starts_with('-')) fail(step, reply, "a read fails");
  const std::vector<std::string_view> got =
      step.text.starts_with("MGET") ? elementsIn(reply) : std::vector<std::string_view>{reply};
  if (got.size() != step.keys.size()) fail(step, reply, "not as many values as keys");
  for (std::size_t i = 0; i < got.size(); ++i) {
    Values& possible = possible_.at(step.keys[i]);
    std::erase_if(possible, [&](const Value& value) { return wordOf(value) != got[i]; });
    if (possible.empty()) fail(step, reply, "no value that " + step.keys[i] + " may have");
  }
}

// A read shares the fate of a write to its slot that was sent behind it, and of no other.
void SingleWriter::awaitAmbiguous(const Step& read, std::string_view reply) {
  const auto tagOf = [](const std::string& key) { return key.substr(0, key.find('}')); };
  std::set<std::string> tags;
  for (const std::string& key : read.keys) tags.insert(tagOf(key));
  const auto concerns = [&](const Step& write) {
    return !write.changes.empty() &&
           std::any_of(write.keys.begin(), write.keys.end(),
                       [&](const std::string& key) { return tags.contains(tagOf(key)); });
  };
  Shared shared{read.text, {}};
  for (const Step& later : expected_) {
    if (concerns(later) || std::any_of(later.inside.begin(), later.inside.end(), concerns))
      shared.writes.insert(later.number);
  }
  if (shared.writes.empty()) fail(read, reply, "there is no write behind it");
  shared_.push_back(std::move(shared));
}

void SingleWriter::settleShared(const Step& step, bool ambiguous) {
  for (Shared& shared : shared_) {
    if (shared.writes.erase(step.number) == 0) continue;
    if (ambiguous) {
      shared.read.clear();
    } else if (shared.writes.empty()) {
      fail(step, "", "the earlier " + shared.read + " was ambiguous, and no write behind it");
    }
  }
  std::erase_if(shared_, [](const Shared& shared) { return shared.read.empty(); });
}

void SingleWriter::judgeWrite(const Step& step, std::string_view reply) {
  if (reply.starts_with("-AMBIGUOUS")) {
    ++ambiguous_;
    return maybe(step);
  }
  if (isRefusal(reply)) {
    ++refused_;
    // Parts of what was about several slots may have been carried out.
    if (step.keys.size() > 1) maybe(step);
    return;
  }
  for (std::size_t i = 0; i < step.keys.size(); ++i) {
    Values next;
    for (const Value& before : possible_.at(step.keys[i])) {
      if (step.told(before) == reply) next.insert(step.changes[i](before));
    }
    if (next.empty()) fail(step, reply, "nothing that " + step.keys[i] + " may have leads to this");
    possible_[step.keys[i]] = std::move(next);
  }
}

void SingleWriter::judgeExec(const Step& step, std::string_view reply) {
  if (reply == "*-1\r\n" && step.watched) return;
  if (isRefusal(reply)) {
    ++refused_;
    return;
  }
  if (reply.starts_with("-AMBIGUOUS")) {
    ++ambiguous_;
    // All or nothing; the keys' values are judged one by one all the same.
    std::map<std::string, Values> before = possible_;
    for (const Step& inner : step.inside) {
      for (std::size_t i = 0; i < inner.changes.size(); ++i) {
        Values next;
        for (const Value& value : possible_.at(inner.keys[i])) next.insert(inner.changes[i](value));
        possible_[inner.keys[i]] = std::move(next);
      }
    }
    for (auto& [key, values] : possible_) values.merge(before[key]);
    return;
  }
  if (!reply.starts_with('*')) fail(step, reply, "no array");
  const auto replies = elementsIn(reply);
  if (replies.size() != step.inside.size()) fail(step, reply, "not as many replies as commands");
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (replies[i].starts_with('-')) fail(step, reply, "an error inside");
    judge(step.inside[i], replies[i]);
  }
}

// It may or may not have been carried out, each key of it.
void SingleWriter::maybe(const Step& step) {
  for (std::size_t i = 0; i < step.keys.size(); ++i) {
    Values& possible = possible_.at(step.keys[i]);
    Values next = possible;
    for (const Value& before : possible) next.insert(step.changes[i](before));
    possible = std::move(next);
  }
}

void SingleWriter::fail(const Step& step, std::string_view reply, const std::string& why) {
  throw std::logic_error(step.text + " was answered " + std::string(reply) + ": " + why);
}

}  // namespace slotless::test
