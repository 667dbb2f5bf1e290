#include "proxy/session/key_lookups.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "protocol/denial.h"
#include "protocol/encoder.h"
#include "protocol/error_reply.h"
#include "protocol/key_extraction.h"
#include "proxy/dispatch/failure_table.h"
#include "proxy/session/client.h"
#include "proxy/session/key_plan.h"
#include "proxy/session/services.h"
#include "proxy/translation/script_translation.h"
#include "proxy/translation/translation.h"

namespace slotless::session {

using AskedState = KeyQuestion::State;

namespace {

constexpr std::string_view kNoNode = "CLUSTERDOWN No node can be asked for the keys of this command";

constexpr std::string_view kNotTold =
    "ERR Which arguments of this command are its keys cannot be told: only database 0 has it";

// The arguments that are these keys. nullopt: they are no arguments, or other arguments are the same. What
// the facts tell for certain is no matter of looks: in GEORADIUSBYMEMBER a a 5 m only the first "a" is a key.
std::optional<std::vector<std::uint32_t>> positionsOf(std::vector<std::string_view> keys,
                                                      const protocol::CommandSpec& spec,
                                                      protocol::Argv argv) {
  std::vector<std::uint32_t> positions;
  protocol::certainKeyPositions(spec, argv, positions);
  const std::size_t certain = positions.size();
  for (const std::uint32_t position : positions) {
    const auto key = std::find(keys.begin(), keys.end(), argv[position]);
    if (key == keys.end()) return std::nullopt;
    keys.erase(key);
  }
  for (std::uint32_t i = 1; i < argv.size(); ++i) {
    if (std::find(positions.begin(), positions.begin() + static_cast<std::ptrdiff_t>(certain), i) !=
        positions.begin() + static_cast<std::ptrdiff_t>(certain))
      continue;
    if (std::find(keys.begin(), keys.end(), argv[i]) != keys.end()) positions.push_back(i);
  }
  if (positions.size() != certain + keys.size()) return std::nullopt;
  std::sort(positions.begin(), positions.end());
  return positions;
}

// Takes "<type><number>\r\n" off the front.
std::optional<std::size_t> takeCount(std::string_view& reply, char type) {
  const std::size_t end = reply.find("\r\n");
  if (end == std::string_view::npos || reply.front() != type) return std::nullopt;
  std::size_t count = 0;
  const auto parsed = std::from_chars(reply.data() + 1, reply.data() + end, count);
  if (parsed.ec != std::errc{} || parsed.ptr != reply.data() + end) return std::nullopt;
  reply.remove_prefix(end + 2);
  return count;
}

std::optional<std::string_view> takeBulk(std::string_view& reply) {
  const auto size = takeCount(reply, '$');
  if (!size || reply.size() < *size + 2) return std::nullopt;
  const std::string_view text = reply.substr(0, *size);
  reply.remove_prefix(*size + 2);
  return text;
}

}  // namespace

void KeyQuestion::onReply(std::string_view bytes, bool last) {
  if (client_ != nullptr) reply_.append(bytes);
  if (!last) return;
  owner_->noteAnswer(*this);
  owner_->settle(*this, AskedState::Answered);
}

void KeyQuestion::onErrorReply(std::string_view line, const upstream::SentRequest&) {
  const bool denied = protocol::isDenial(line);
  if (denied) owner_->noteDenial(*this, line);
  const bool passing = !denied && troubleOf(protocol::classifyError(line).errorClass) != Trouble::None;
  if (passing && client_ != nullptr) return owner_->waitForLink(*this);
  owner_->settle(*this, denied ? AskedState::Denied : AskedState::Unknown);
}

void KeyQuestion::onLost(upstream::Loss, const upstream::SentRequest&) {
  reply_.clear();
  if (client_ != nullptr) return owner_->waitForLink(*this);
  owner_->put(*this);
}

KeyLookups::KeyLookups(Services& services)
    : services_(services), timer_(services.host.loop.makeTimer([this] { tick(); })) {}

bool KeyLookups::plan(Client& client, Command& command, routing::Plan& plan) {
  const protocol::CommandSpec& spec = *command.spec;
  const protocol::Argv argv = command.argv;
  if (spec.keyProcedure != protocol::KeyProcedure::AskServer) {
    planByFacts(command, plan);
    return true;
  }
  if (client.keyQuestion() == nullptr &&
      services_.denials.avoids(telemetry::Deniable::CommandGetKeys, services_.host.now)) {
    planUntold(command, plan);
    return true;
  }
  std::string& text = services_.encoded;
  text.clear();
  std::vector<std::string_view> words = {"COMMAND", "GETKEYS"};
  words.insert(words.end(), argv.begin(), argv.end());
  protocol::appendRequest(text, words);
  KeyQuestion*& question = client.keyQuestion();
  // Asked about a request that has been answered otherwise, since the commands have changed meanwhile.
  if (question != nullptr && question->request_ != text) forget(client);
  if (question == nullptr) {
    question = &take(client, text);
    send(*question);
    return false;
  }
  const AskedState state = question->state_;
  if (state == AskedState::Waiting || state == AskedState::Sent) return false;
  plan.clear();
  if (state == AskedState::Answered) planByAnswer(question->reply_, command, plan);
  if (state == AskedState::Unknown) planByKeys(services_, spec, argv, plan);
  if (state == AskedState::Denied) planUntold(command, plan);
  if (state == AskedState::TimedOut) {
    plan.kind = routing::Plan::Kind::Refused;
    plan.error = kNoNode;
  }
  put(*question);
  question = nullptr;
  return true;
}

// A script that could not run on any node but its keys' goes there, if its text tells which these are. One
// that cannot write tries one node after the other.
void KeyLookups::planByFacts(const Command& command, routing::Plan& plan) {
  const protocol::CommandSpec& spec = *command.spec;
  planByKeys(services_, spec, command.argv, plan);
  const bool open = plan.kind == routing::Plan::Kind::AnyNode && !command.database.mapped();
  if (!open || spec.has(protocol::kReadOnly) || !runsScript(spec)) return;
  const auto slot = literalSlots_.slotOf(spec, command.argv, services_.control.scripts(), services_.commands);
  if (!slot) return;
  plan.kind = routing::Plan::Kind::OneSlot;
  plan.slot = *slot;
}

// By what is known of the command. Elsewhere than in database 0 its keys would not get their names.
void KeyLookups::planUntold(const Command& command, routing::Plan& plan) {
  if (!command.database.mapped()) {
    planByKeys(services_, *command.spec, command.argv, plan);
    return;
  }
  plan.clear();
  plan.kind = routing::Plan::Kind::Refused;
  plan.error = kNotTold;
}

void KeyLookups::planByAnswer(std::string_view reply, Command& command, routing::Plan& plan) {
  using Kind = routing::Plan::Kind;
  plan.kind = Kind::AnyNode;
  const auto count = takeCount(reply, '*');
  std::vector<std::string_view> keys;
  for (std::size_t i = 0; count && i < *count; ++i) {
    const auto key = takeBulk(reply);
    if (!key) break;
    keys.push_back(*key);
    const bool oneServer = config::servesOneServer(services_.config);
    const protocol::Slot slot = oneServer ? routing::kSlotOfAll : command.database.slotOf(*key);
    if (plan.kind == Kind::OneSlot && slot != plan.slot) {
      plan.kind = Kind::Refused;
      plan.error = routing::kCrossSlot;
      return;
    }
    plan.kind = Kind::OneSlot;
    plan.slot = slot;
  }
  if (!command.database.mapped() || keys.empty()) return;
  const auto positions = positionsOf(keys, *command.spec, command.argv);
  if (!positions) {
    plan.kind = Kind::Refused;
    plan.error = kNotTold;
    return;
  }
  services_.mapper.mapAt(*positions, command.argv, command.bytes, command.database);
  replaceBy(services_.mapper, command);
}

void KeyLookups::forget(Client& client) {
  KeyQuestion*& question = client.keyQuestion();
  if (question == nullptr) return;
  question->client_ = nullptr;
  if (question->state_ != AskedState::Sent) put(*question);
  question = nullptr;
}

KeyQuestion& KeyLookups::take(Client& client, const std::string& request) {
  if (free_.empty()) {
    all_.push_back(std::make_unique<KeyQuestion>());
    all_.back()->owner_ = this;
    free_.push_back(all_.back().get());
  }
  KeyQuestion& question = *free_.back();
  free_.pop_back();
  question.client_ = &client;
  question.state_ = AskedState::Waiting;
  question.deadline_ = services_.host.now + services_.config.holdTimeout;
  question.request_ = request;
  return question;
}

void KeyLookups::put(KeyQuestion& question) {
  std::erase(waiting_, &question);
  question.client_ = nullptr;
  question.request_ = std::string();  // may have been large
  question.reply_ = std::string();
  free_.push_back(&question);
}

void KeyLookups::send(KeyQuestion& question) {
  upstream::Link* link = services_.links.anyReady();
  if (link == nullptr || link->bytesOpen() >= services_.config.linkMaxInFlightBytes)
    return waitForLink(question);
  question.state_ = AskedState::Sent;
  question.node_ = link->node();
  link->send(question, question.request_, upstream::Front::None);
}

void KeyLookups::waitForLink(KeyQuestion& question) {
  question.state_ = AskedState::Waiting;
  waiting_.push_back(&question);
  if (!timer_->active()) timer_->start(kTick);
}

void KeyLookups::noteDenial(const KeyQuestion& question, std::string_view line) {
  services_.denials.note(telemetry::Deniable::CommandGetKeys, question.node_, line, services_.host.now);
}

void KeyLookups::noteAnswer(const KeyQuestion& question) {
  services_.denials.worked(telemetry::Deniable::CommandGetKeys, question.node_);
}

void KeyLookups::settle(KeyQuestion& question, AskedState state) {
  if (question.client_ == nullptr) return put(question);
  question.state_ = state;
  question.client_->wake();
}

void KeyLookups::tick() {
  services_.host.touch();
  std::vector<KeyQuestion*> waiting;
  waiting.swap(waiting_);
  for (KeyQuestion* question : waiting) {
    if (services_.host.now >= question->deadline_) {
      settle(*question, AskedState::TimedOut);
    } else {
      send(*question);
    }
  }
}

}  // namespace slotless::session
