#include "proxy/routing/several_values.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "protocol/slot.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

using protocol::KeySpec;
using protocol::Slot;

namespace {

// Deletes those that still have the value that they have been given.
constexpr std::string_view kTakeBack =
    "--[[slotless]] local n = 0 for i, key in ipairs(KEYS) do "
    "if redis.pcall('get', key) == ARGV[i] then n = n + redis.call('del', key) end end return n";

enum class Condition : std::uint8_t { None, NoneThere, AllThere };

// Names nothing but keys and their values, and has that condition.
struct Unconditional {
  std::string_view command;
  Condition condition;
};
constexpr Unconditional kNamed[] = {{"msetnx", Condition::NoneThere}};

// What may stand behind counted keys and their values. Source: MSETEX of Redis 8.4 and Valkey 9.1.
struct Option {
  std::string_view word;
  std::size_t arguments;
  Condition condition;
};
constexpr Option kOptions[] = {{"nx", 0, Condition::NoneThere}, {"xx", 0, Condition::AllThere},
                               {"keepttl", 0, Condition::None}, {"ex", 1, Condition::None},
                               {"px", 1, Condition::None},      {"exat", 1, Condition::None},
                               {"pxat", 1, Condition::None}};

struct Form {
  Condition condition = Condition::None;
  std::vector<std::uint32_t> keys;  // positions; the value follows
  bool counted = false;             // their number stands in front of them
  std::size_t tail = 0;             // position of what follows them
};

bool readOptions(protocol::Argv argv, Form& form) {
  for (std::size_t i = form.tail; i < argv.size(); ++i) {
    const auto* option = std::find_if(std::begin(kOptions), std::end(kOptions), [&](const Option& each) {
      return protocol::equalsIgnoringCase(argv[i], each.word);
    });
    if (option == std::end(kOptions) || i + option->arguments >= argv.size()) return false;
    i += option->arguments;
    if (option->condition == Condition::None) continue;
    if (form.condition != Condition::None) return false;
    form.condition = option->condition;
  }
  return true;
}

bool readForm(const protocol::CommandSpec& spec, protocol::Argv argv, Form& form) {
  if (spec.keySpecs.size() != 1 || spec.has(protocol::kReadOnly) || argv.size() < 4) return false;
  const KeySpec& keys = spec.keySpecs.front();
  if (protocol::keyPositionsOf(keys, argv, form.keys) != protocol::KeyResult::Ok || form.keys.empty())
    return false;
  const auto* named = std::find_if(std::begin(kNamed), std::end(kNamed),
                                   [&](const Unconditional& each) { return each.command == spec.name; });
  if (named != std::end(kNamed)) {
    form.condition = named->condition;
    form.tail = argv.size();
    return form.keys.front() == 1 && form.keys.size() * 2 + 1 == argv.size();
  }
  // Right behind their number, which is the first argument, and each with one value.
  form.counted = true;
  form.tail = 2 + form.keys.size() * 2;
  return keys.find == KeySpec::Find::KeyNum && keys.keyStep == 2 && form.keys.front() == 2 &&
         form.tail <= argv.size() && readOptions(argv, form);
}

class SeveralValues final : public Composer {
 public:
  SeveralValues(const protocol::CommandSpec& spec, protocol::Argv argv, const Form& form)
      : command_(argv.front()),
        guarded_(spec.slotUnchecked),
        counted_(form.counted),
        condition_(form.condition),
        tail_(argv.begin() + static_cast<std::ptrdiff_t>(form.tail), argv.end()) {
    for (const std::uint32_t position : form.keys) {
      Group& group = groups_[protocol::slotOf(argv[position])];
      group.keys.emplace_back(argv[position]);
      group.values.emplace_back(argv[position + 1]);
    }
  }

  void begin(Plan& plan) {
    if (condition_ == Condition::None) return set(plan);
    step_ = Step::Look;
    stage(plan, false);
    plan.reads = true;
    for (const auto& [slot, group] : groups_) addPart(plan, slot, group.words("EXISTS"));
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    switch (step_) {
      case Step::Look:
        if (!isWorthIt(parts)) return false;
        set(plan);
        return true;
      case Step::Set: return judge(parts, plan);
      case Step::TakeBack:
      case Step::Done: return false;
    }
    return false;
  }
  bool isLastStage() const override { return step_ == Step::Done || step_ == Step::TakeBack; }

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    if (step_ == Step::TakeBack) noteError(parts);
    if (!error_.empty()) {
      out += error_;
      return false;
    }
    protocol::appendInteger(out, isSet_ ? 1 : 0);
    return true;
  }

 private:
  enum class Step : std::uint8_t { Look, Set, TakeBack, Done };
  using Words = std::vector<std::string_view>;

  struct Group {
    std::vector<std::string> keys;
    std::vector<std::string> values;

    Words words(std::string_view command) const {
      Words words = {command};
      words.insert(words.end(), keys.begin(), keys.end());
      return words;
    }
  };
  using Groups = std::map<Slot, Group>;

  static void stage(Plan& plan, bool writes) {
    plan.clear();
    plan.kind = Plan::Kind::Prepared;
    plan.staged = plan.fromMasters = true;
    plan.writes = writes;
  }

  void noteError(std::span<const PartReply> parts) {
    for (const PartReply& part : parts) {
      if (error_.empty() && isErrorReply(part.bytes)) error_ = part.bytes;
    }
  }

  // False: the reply is known.
  bool isWorthIt(std::span<const PartReply> parts) {
    noteError(parts);
    if (!error_.empty()) return false;
    std::int64_t there = 0;
    std::size_t all = 0;
    for (const PartReply& part : parts) there += integerOf(part.bytes).value_or(0);
    for (const auto& [slot, group] : groups_) all += group.keys.size();
    return condition_ == Condition::NoneThere ? there == 0 : there == static_cast<std::int64_t>(all);
  }

  // Only one slot at first, where that is to decide; then all that are left.
  void set(Plan& plan) {
    step_ = Step::Set;
    stage(plan, true);
    const bool decides = condition_ == Condition::NoneThere && done_.empty();
    const auto end = decides ? std::next(groups_.begin()) : groups_.end();
    for (auto each = std::next(groups_.begin(), static_cast<std::ptrdiff_t>(done_.size())); each != end;
         ++each) {
      addGroup(each->first, each->second, plan);
      asked_.push_back(each->first);
    }
    if (guarded_) plan.preludes = 3;  // OK, QUEUED, QUEUED
  }

  void addGroup(Slot slot, const Group& group, Plan& plan) const {
    const std::string count = std::to_string(group.keys.size());
    Words words = {command_};
    if (counted_) words.push_back(count);
    for (std::size_t i = 0; i < group.keys.size(); ++i) {
      words.push_back(group.keys[i]);
      words.push_back(group.values[i]);
    }
    words.insert(words.end(), tail_.begin(), tail_.end());
    if (!guarded_) {
      addPart(plan, slot, words);
      return;
    }
    std::string& request = addPart(plan, slot).request;
    protocol::appendRequest(request, {{"MULTI"}});
    protocol::appendRequest(request, group.words("EXISTS"));
    protocol::appendRequest(request, words);
    protocol::appendRequest(request, {{"EXEC"}});
  }

  // The command's own reply.
  std::string_view replyIn(const PartReply& part) const {
    if (!guarded_ || isErrorReply(part.bytes)) return part.bytes;
    const auto replies = elementsOf(part.bytes);
    return replies && replies->size() == 2 ? replies->back() : std::string_view(kNoReply);
  }

  bool judge(std::span<const PartReply> parts, Plan& plan) {
    bool failed = false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string_view reply = replyIn(parts[i]);
      if (integerOf(reply) == 1) {
        done_.push_back(asked_[i]);
        continue;
      }
      failed = true;
      if (error_.empty() && isErrorReply(reply)) error_ = reply;
    }
    asked_.clear();
    if (!failed && done_.size() < groups_.size()) {
      set(plan);
      return true;
    }
    isSet_ = !failed;
    if (failed && condition_ == Condition::NoneThere && !done_.empty()) {
      takeBack(plan);
      return true;
    }
    step_ = Step::Done;
    return false;
  }

  void takeBack(Plan& plan) {
    step_ = Step::TakeBack;
    stage(plan, true);
    for (const Slot slot : done_) {
      const Group& group = groups_.at(slot);
      const std::string count = std::to_string(group.keys.size());
      Words words = {"EVAL", kTakeBack, count};
      words.insert(words.end(), group.keys.begin(), group.keys.end());
      words.insert(words.end(), group.values.begin(), group.values.end());
      addPart(plan, slot, words);
    }
  }

  static constexpr std::string_view kNoReply = "-ERR The node's answer to EXEC is not one\r\n";

  const std::string command_;
  const bool guarded_;
  const bool counted_;
  const Condition condition_;
  const std::vector<std::string> tail_;
  Groups groups_;
  std::vector<Slot> asked_;  // under way, in the order of the parts
  std::vector<Slot> done_;   // in their order
  Step step_ = Step::Look;
  bool isSet_ = false;
  std::string error_;
};

}  // namespace

bool planSeveralValues(const protocol::CommandSpec& spec, protocol::Argv argv, Plan& plan) {
  Form form;
  if (!readForm(spec, argv, form)) return false;
  auto composer = std::make_unique<SeveralValues>(spec, argv, form);
  composer->begin(plan);
  plan.composer = std::move(composer);
  return true;
}

}  // namespace slotless::routing
