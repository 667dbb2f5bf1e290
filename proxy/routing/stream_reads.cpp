#include "proxy/routing/stream_reads.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "protocol/slot.h"
#include "protocol/strict_integer.h"
#include "proxy/cluster/server_identity.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

using protocol::Slot;

namespace {

constexpr std::string_view kNew = ">";
constexpr std::string_view kLast = "$";
constexpr std::string_view kGroup = "GROUP";
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kWrongType = "-WRONGTYPE";
constexpr std::string_view kNoGroup = "-NOGROUP";
// What XREADGROUP's error has more than that of other commands.
constexpr std::string_view kInReading = " in XREADGROUP with GROUP option";
// What blocked clients are told by servers that do not run commands again.
constexpr std::string_view kStreamGone = "-UNBLOCKED the stream key no longer exists\r\n";
constexpr std::string_view kGroupGone =
    "-NOGROUP the consumer group this client was blocked on no longer exists\r\n";

bool isNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

// Others, Redis 7.0 as well, serve it by what has changed.
bool runsBlockedAgain(const StreamReader& reader) {
  return reader.server != nullptr &&
         (reader.server->isAtLeast("redis", {7, 2}) || reader.server->isAtLeast("valkey", {7, 2}));
}

// The others are for a server to refuse.
bool isId(std::string_view text) {
  const std::size_t dash = text.find('-');
  return text == kNew || (isNumber(text.substr(0, dash)) &&
                          (dash == std::string_view::npos || isNumber(text.substr(dash + 1))));
}

class StreamReads final : public Attempts {
 public:
  StreamReads(std::vector<std::string> head, protocol::Argv keys, protocol::Argv ids, bool isGroup,
              bool blocks, StreamReader reader, std::unique_ptr<Composer> names)
      : head_(std::move(head)),
        keys_(keys.begin(), keys.end()),
        ids_(ids.begin(), ids.end()),
        isGroup_(isGroup),
        protocol_(reader.protocol),
        runsBlockedAgain_(runsBlockedAgain(reader)),
        names_(std::move(names)) {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      slots_[protocol::slotOf(keys_[i])].push_back(i);
      if (blocks && !isGroup && ids_[i] == kLast) lasts_.push_back(i);
    }
  }

  void attempt(Plan& plan) override {
    error_.clear();
    found_.clear();
    isFirst_ = !isPrepared_;
    if (isPrepared_) return read(plan);
    isPrepared_ = true;
    if (!group().empty()) return check(plan);
    if (!lasts_.empty()) return lookUp(plan);
    read(plan);
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    if (step_ == Step::Missing) {
      error_ = isSomeMissing(parts.front().bytes) ? kStreamGone : kGroupGone;
      return false;
    }
    if (step_ == Step::Read) {
      collect(parts);
      return isGroup_ && !isFirst_ && !runsBlockedAgain_ && !error_.empty() && endWait(plan);
    }
    // The first stream that has an error, in the order in which they were named.
    noteError(parts);
    if (step_ == Step::Check && error_.starts_with(kNoGroup) &&
        !error_.ends_with(std::string(kInReading) + "\r\n"))
      error_.insert(error_.size() - kLineEnd.size(), kInReading);
    if (!error_.empty()) return false;
    if (step_ == Step::LookUp) keepIds(parts);
    read(plan);
    return true;
  }
  bool isLastStage() const override { return step_ == Step::Read; }
  bool foundNothing() const override { return error_.empty() && found_.empty(); }
  std::vector<std::string_view> watchedKeys() const override { return {keys_.begin(), keys_.end()}; }

  bool compose(std::span<const PartReply>, std::string& out) override {
    if (!error_.empty()) {
      const PartReply whole{error_, {}};
      if (names_ != nullptr) return names_->compose({&whole, 1}, out);
      out += error_;
      return false;
    }
    if (found_.empty()) {
      protocol::appendNullArrayIn(out, protocol_);
      return true;
    }
    std::string reply;
    if (protocol_ == 3) {
      protocol::appendMapHeader(reply, protocol_, found_.size());
    } else {
      protocol::appendArrayHeader(reply, found_.size());
    }
    for (const auto& [number, stream] : found_) reply += stream;
    if (names_ == nullptr) {
      out += reply;
      return true;
    }
    const PartReply whole{reply, {}};
    return names_->compose({&whole, 1}, out);
  }

 private:
  enum class Step : std::uint8_t { Check, LookUp, Read, Missing };
  using Words = std::vector<std::string_view>;

  static void stage(Plan& plan) {
    plan.clear();
    plan.kind = Plan::Kind::Prepared;
    plan.staged = true;
  }

  // In the order of the streams: the part of a slot is where its first one stands.
  void askSlots(Plan& plan) {
    stage(plan);
    order_.clear();
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      const Slot slot = protocol::slotOf(keys_[i]);
      const std::vector<std::size_t>& numbers = slots_.at(slot);
      if (numbers.front() != i) continue;
      Words words(head_.begin(), head_.end());
      for (const std::size_t number : numbers) words.push_back(keys_[number]);
      for (const std::size_t number : numbers) words.push_back(ids_[number]);
      addPart(plan, slot, words);
      order_.push_back(slot);
    }
  }

  // Whether all streams have the group, so that none delivers anything, nor gets to know the consumer, where
  // another has an error. An id that no server takes is shown to one, for its words.
  void check(Plan& plan) {
    step_ = Step::Check;
    stage(plan);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      Words words = {"XPENDING", keys_[i], group(), "-", "+", "1"};
      if (!isId(ids_[i])) {
        words.assign(head_.begin(), head_.end());
        words.insert(words.end(), {keys_[i], ids_[i]});
      }
      addPart(plan, protocol::slotOf(keys_[i]), words);
    }
    plan.reads = plan.fromMasters = true;
  }

  // Empty: there is none, which is for a server to refuse.
  std::string_view group() const {
    const auto word = std::find_if(head_.begin(), head_.end(), [](const std::string& each) {
      return protocol::equalsIgnoringCase(each, kGroup);
    });
    return isGroup_ && head_.end() - word > 1 ? std::string_view(*(word + 1)) : std::string_view();
  }

  // The wait of a group's reader is over by an error. True: its words depend on whether the stream is there.
  bool endWait(Plan& plan) {
    if (error_.starts_with(kWrongType)) error_ = kStreamGone;
    if (!error_.starts_with(kNoGroup)) return false;
    step_ = Step::Missing;
    stage(plan);
    const std::vector<std::size_t>& numbers = slots_.at(failed_);
    Words words = {"EXISTS"};
    for (const std::size_t number : numbers) words.push_back(keys_[number]);
    addPart(plan, failed_, words);
    plan.reads = plan.fromMasters = true;
    return true;
  }

  bool isSomeMissing(std::string_view exists) const {
    return integerOf(exists).value_or(0) < static_cast<std::int64_t>(slots_.at(failed_).size());
  }

  void lookUp(Plan& plan) {
    step_ = Step::LookUp;
    stage(plan);
    for (const std::size_t number : lasts_) {
      const std::string& key = keys_[number];
      addPart(plan, protocol::slotOf(key), {"XREVRANGE", key, "+", "-", "COUNT", "1"});
    }
    plan.reads = plan.fromMasters = true;
  }

  // What an empty stream gets is new, whatever it once had.
  void keepIds(std::span<const PartReply> parts) {
    for (std::size_t i = 0; i < lasts_.size() && i < parts.size(); ++i) {
      std::string& id = ids_[lasts_[i]];
      id = "0-0";
      const auto entries = elementsOf(parts[i].bytes);
      if (!entries || entries->empty()) continue;
      const auto entry = elementsOf(entries->front());
      const auto text = entry && !entry->empty() ? textOf(entry->front()) : std::nullopt;
      if (text) id = *text;
    }
  }

  void read(Plan& plan) {
    step_ = Step::Read;
    askSlots(plan);
    plan.reads = !isGroup_;
    plan.writes = plan.fromMasters = isGroup_;
  }

  void noteError(std::span<const PartReply> parts, bool mindsTypes = true) {
    for (std::size_t i = 0; i < parts.size() && error_.empty(); ++i) {
      const std::string_view reply = parts[i].bytes;
      if (!isErrorReply(reply) || (!mindsTypes && reply.starts_with(kWrongType))) continue;
      error_ = reply;
      if (step_ == Step::Read) failed_ = order_[i];
    }
  }

  // What a group has delivered is not kept back because of an error elsewhere: the next call meets that, too.
  void collect(std::span<const PartReply> parts) {
    for (std::size_t i = 0; i < parts.size() && i < order_.size(); ++i) take(parts[i].bytes, order_[i]);
    std::sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    // While it waits one Redis does not mind keys of another type, until it runs the command again.
    const bool mindsTypes = isGroup_ || isFirst_ || (runsBlockedAgain_ && !found_.empty());
    if (found_.empty() || !isGroup_) noteError(parts, mindsTypes);
  }

  // The streams of one slot that have something, in their order among all.
  void take(std::string_view reply, Slot slot) {
    if (isErrorReply(reply) || isNullReply(reply)) return;
    const auto elements = elementsOf(reply);
    if (!elements) return;
    const bool isMap = reply.starts_with('%');
    const std::vector<std::size_t>& numbers = slots_.at(slot);
    std::size_t next = 0;
    for (std::size_t i = 0; i < elements->size(); i += isMap ? 2 : 1) {
      std::string stream;
      std::optional<std::string_view> key;
      if (isMap) {
        if (i + 1 == elements->size()) return;
        key = textOf((*elements)[i]);
        stream.append((*elements)[i]).append((*elements)[i + 1]);
      } else {
        const auto pair = elementsOf((*elements)[i]);
        if (!pair || pair->size() != 2) return;
        key = textOf(pair->front());
        stream = (*elements)[i];
      }
      while (next < numbers.size() && key != keys_[numbers[next]]) ++next;
      if (next == numbers.size()) return;
      found_.emplace_back(numbers[next++], std::move(stream));
    }
  }

  const std::vector<std::string> head_;  // up to STREAMS
  const std::vector<std::string> keys_;
  std::vector<std::string> ids_;
  const bool isGroup_;
  const int protocol_;
  const bool runsBlockedAgain_;
  const std::unique_ptr<Composer> names_;
  std::map<Slot, std::vector<std::size_t>> slots_;  // which of the streams are there
  std::vector<std::size_t> lasts_;                  // those that are read from their end on
  std::vector<Slot> order_;                         // of the parts under way
  Step step_ = Step::Read;
  bool isPrepared_ = false;
  bool isFirst_ = true;              // attempt
  Slot failed_ = protocol::kNoSlot;  // of what was read, where the error is from
  std::vector<std::pair<std::size_t, std::string>> found_;
  std::string error_;
};

}  // namespace

std::unique_ptr<Attempts> makeStreamReads(const protocol::CommandSpec& spec, protocol::Argv argv,
                                          StreamReader reader, std::unique_ptr<Composer>& names) {
  if (spec.keyProcedure != protocol::KeyProcedure::Streams) return nullptr;
  std::vector<std::uint32_t> positions;
  if (protocol::keyPositions(spec, argv, positions) != protocol::KeyResult::Ok || positions.size() < 2)
    return nullptr;
  const std::size_t first = positions.front();
  if (first + positions.size() * 2 != argv.size()) return nullptr;
  const std::size_t block = protocol::sessionKeywordPosition(spec, argv);
  std::vector<std::string> head;
  for (std::size_t i = 0; i < first; ++i) {
    if (block == 0 || (i != block && i != block + 1)) head.emplace_back(argv[i]);
  }
  return std::make_unique<StreamReads>(std::move(head), argv.subspan(first, positions.size()),
                                       argv.subspan(first + positions.size()), !spec.has(protocol::kReadOnly),
                                       block != 0, reader, std::move(names));
}

// Source: Redis 8.0 t_stream.c xreadCommand(); CLAIM is of 8.4.
bool areRightBeforeTimeout(const protocol::CommandSpec& spec, protocol::Argv argv) {
  struct Option {
    std::string_view name;
    std::size_t values;
    bool ofGroups;
  };
  static constexpr Option kOptions[] = {
      {"COUNT", 1, false}, {kGroup, 2, true}, {"NOACK", 0, true}, {"CLAIM", 1, true}};
  if (spec.keyProcedure != protocol::KeyProcedure::Streams) return true;
  const std::size_t block = protocol::sessionKeywordPosition(spec, argv);
  for (std::size_t i = 1; i < block; ++i) {
    const auto* option = std::find_if(std::begin(kOptions), std::end(kOptions), [&](const Option& each) {
      return protocol::equalsIgnoringCase(argv[i], each.name);
    });
    if (option == std::end(kOptions) || (option->ofGroups && spec.has(protocol::kReadOnly))) return false;
    if (option == std::begin(kOptions) && !protocol::strictInteger(argv[i + 1])) return false;
    i += option->values;
  }
  return true;
}

}  // namespace slotless::routing
