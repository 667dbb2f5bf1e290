#include "proxy/routing/blocking_pops.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "protocol/slot.h"
#include "protocol/strict_integer.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

using protocol::Slot;

namespace {

// The command that takes the same of one key, at once or not at all.
struct Pop {
  std::string_view waiting;
  std::string_view atOnce;
  bool counted;    // TIMEOUT NUMKEYS key … words: the same without the timeout, and its reply is the same
  bool ofElement;  // … of a plain element; otherwise of a list of things: the key goes in front of them
  std::string_view ends[2] = {};  // counted: which end it is to be, the first of the words
};
constexpr Pop kPops[] = {
    {"blpop", "LPOP", false, true},
    {"brpop", "RPOP", false, true},
    {"bzpopmin", "ZPOPMIN", false, false},
    {"bzpopmax", "ZPOPMAX", false, false},
    {"blmpop", "LMPOP", true, false, {"LEFT", "RIGHT"}},
    {"bzmpop", "ZMPOP", true, false, {"MIN", "MAX"}},
};

constexpr std::string_view kSyntaxError = "ERR syntax error";
constexpr std::string_view kNoCount = "ERR count should be greater than 0";

// Source: Redis 7.0 t_list.c lmpopGenericCommand(), t_zset.c zmpopGenericCommand().
std::string_view objectionToWords(const Pop& pop, protocol::Argv words) {
  if (!pop.counted) return {};
  const auto is = [&](std::string_view end) {
    return !words.empty() && protocol::equalsIgnoringCase(words[0], end);
  };
  if (!is(pop.ends[0]) && !is(pop.ends[1])) return kSyntaxError;
  if (words.size() == 1) return {};
  if (words.size() == 2 || !protocol::equalsIgnoringCase(words[1], "COUNT")) return kSyntaxError;
  if (protocol::strictInteger(words[2]).value_or(0) <= 0) return kNoCount;
  return words.size() == 3 ? std::string_view() : kSyntaxError;
}

class BlockingPops final : public Attempts {
 public:
  BlockingPops(const Pop& pop, std::vector<std::string> keys, protocol::Argv tail,
               std::unique_ptr<Composer> names)
      : pop_(pop), keys_(std::move(keys)), tail_(tail.begin(), tail.end()), names_(std::move(names)) {
    for (std::size_t i = 0; i < keys_.size(); ++i) slots_[protocol::slotOf(keys_[i])].push_back(i);
  }

  // The first time the first key is asked for an element at once: there a server words what is wrong with the
  // request, too.
  void attempt(Plan& plan) override {
    isOver_ = false;
    isFirst_ = step_ == Step::None;
    if (!isFirst_) return look(plan);
    step_ = Step::First;
    candidates_.assign(1, 0);
    pop(plan);
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    if (step_ == Step::Look) {
      isOver_ = !note(parts);
      step_ = Step::Pop;
    } else {
      isOver_ = !isNothing(parts.front().bytes);
    }
    if (isOver_) return false;
    if (step_ == Step::First) {
      look(plan);
      return true;
    }
    if (next_ == candidates_.size()) return false;
    pop(plan);
    return true;
  }
  bool isLastStage() const override { return false; }
  bool foundNothing() const override { return !isOver_; }
  std::vector<std::string_view> watchedKeys() const override { return {keys_.begin(), keys_.end()}; }

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    const std::string_view popped = error_.empty() ? parts.front().bytes : std::string_view(error_);
    if (isErrorReply(popped)) {
      out += popped;
      return false;
    }
    std::string reply;
    give(popped, reply);
    if (names_ == nullptr) {
      out += reply;
      return true;
    }
    const PartReply whole{reply, {}};
    return names_->compose({&whole, 1}, out);
  }

 private:
  enum class Step : std::uint8_t { None, First, Look, Pop };
  using Words = std::vector<std::string_view>;

  void look(Plan& plan) {
    step_ = Step::Look;
    plan.clear();
    plan.kind = Plan::Kind::Prepared;
    plan.staged = plan.reads = plan.fromMasters = true;
    for (const auto& [slot, numbers] : slots_) {
      Words words = {"EXISTS"};
      for (const std::size_t number : numbers) words.push_back(keys_[number]);
      addPart(plan, slot, words);
    }
  }

  // Which keys may have something. False: an error is the answer.
  bool note(std::span<const PartReply> parts) {
    candidates_.clear();
    next_ = 0;
    std::size_t i = 0;
    for (const auto& [slot, numbers] : slots_) {
      if (i == parts.size()) break;
      const std::string_view reply = parts[i++].bytes;
      if (isErrorReply(reply)) {
        error_ = reply;
        return false;
      }
      if (integerOf(reply).value_or(0) > 0)
        candidates_.insert(candidates_.end(), numbers.begin(), numbers.end());
    }
    std::sort(candidates_.begin(), candidates_.end());
    return true;
  }

  void pop(Plan& plan) {
    at_ = candidates_[next_++];
    const std::string& key = keys_[at_];
    Words words = {pop_.atOnce};
    if (pop_.counted) words.push_back("1");
    words.push_back(key);
    words.insert(words.end(), tail_.begin(), tail_.end());
    askOwner(plan, key, words, true);
  }

  // While it waits one Redis does not mind keys of another type.
  bool isNothing(std::string_view reply) const {
    if (!isFirst_ && reply.starts_with("-WRONGTYPE")) return true;
    const auto elements = isListReply(reply) ? elementsOf(reply) : std::nullopt;
    return isNullReply(reply) || (elements && elements->empty());
  }

  void give(std::string_view reply, std::string& out) const {
    if (pop_.counted) {
      out += reply;
      return;
    }
    const auto elements = pop_.ofElement ? std::nullopt : elementsOf(reply);
    protocol::appendArrayHeader(out, elements ? 1 + elements->size() : 2);
    protocol::appendBulk(out, keys_[at_]);
    if (!elements) {
      out += reply;
      return;
    }
    for (const std::string_view element : *elements) out += element;
  }

  const Pop& pop_;
  const std::vector<std::string> keys_;
  const std::vector<std::string> tail_;
  const std::unique_ptr<Composer> names_;
  std::map<Slot, std::vector<std::size_t>> slots_;  // which of the keys are there
  std::vector<std::size_t> candidates_;             // keys that may have something
  std::size_t next_ = 0;                            // of them
  std::size_t at_ = 0;                              // the key that has been asked last
  Step step_ = Step::None;
  bool isFirst_ = false;
  bool isOver_ = false;
  std::string error_;
};

}  // namespace

std::unique_ptr<Attempts> makeBlockingPops(const protocol::CommandSpec& spec, protocol::Argv argv,
                                           std::unique_ptr<Composer>& names, std::string_view& objection) {
  const auto* pop = std::find_if(std::begin(kPops), std::end(kPops),
                                 [&](const Pop& each) { return each.waiting == spec.name; });
  std::vector<std::uint32_t> positions;
  if (pop == std::end(kPops) || protocol::keyPositions(spec, argv, positions) != protocol::KeyResult::Ok ||
      positions.empty())
    return nullptr;
  std::vector<std::string> keys;
  for (const std::uint32_t position : positions) keys.emplace_back(argv[position]);
  // Behind the keys: the timeout, or what is to be taken.
  const auto tail = pop->counted ? argv.subspan(positions.back() + 1) : protocol::Argv{};
  objection = objectionToWords(*pop, tail);
  return std::make_unique<BlockingPops>(*pop, std::move(keys), tail, std::move(names));
}

}  // namespace slotless::routing
