#include "proxy/routing/stream_reads.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "protocol/slot.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

using protocol::Slot;

namespace {

constexpr std::string_view kNew = ">";
constexpr std::string_view kLast = "$";
// Nothing that a consumer has not acknowledged is behind it. The very last number is what servers take for >.
constexpr std::string_view kBehindAll = "18446744073709551615-18446744073709551614";

bool isNumber(std::string_view text) {
  return !text.empty() && text.size() <= 20 && text.find_first_not_of("0123456789") == std::string_view::npos;
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
              bool blocks, int protocol, std::unique_ptr<Composer> names)
      : head_(std::move(head)),
        keys_(keys.begin(), keys.end()),
        ids_(ids.begin(), ids.end()),
        isGroup_(isGroup),
        protocol_(protocol),
        names_(std::move(names)) {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      slots_[protocol::slotOf(keys_[i])].push_back(i);
      if (blocks && !isGroup && ids_[i] == kLast) lasts_.push_back(i);
    }
  }

  void attempt(Plan& plan) override {
    error_.clear();
    found_.clear();
    if (isPrepared_) return read(plan);
    isPrepared_ = true;
    if (isGroup_) return check(plan);
    if (!lasts_.empty()) return lookUp(plan);
    read(plan);
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    if (step_ == Step::Read) {
      collect(parts);
      return false;
    }
    // The first stream that has an error, in the order in which they were named.
    noteError(parts);
    if (!error_.empty()) return false;
    if (step_ == Step::LookUp) keepIds(parts);
    read(plan);
    return true;
  }
  bool isLastStage() const override { return step_ == Step::Read; }
  bool foundNothing() const override { return error_.empty() && found_.empty(); }

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
  enum class Step : std::uint8_t { Check, LookUp, Read };
  using Words = std::vector<std::string_view>;

  static void stage(Plan& plan) {
    plan.clear();
    plan.kind = Plan::Kind::Prepared;
    plan.staged = true;
  }

  // In the order of the streams: the part of a slot is where its first one stands.
  template <typename IdOf>
  void askSlots(Plan& plan, IdOf idOf) {
    stage(plan);
    order_.clear();
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      const Slot slot = protocol::slotOf(keys_[i]);
      const std::vector<std::size_t>& numbers = slots_.at(slot);
      if (numbers.front() != i) continue;
      Words words(head_.begin(), head_.end());
      for (const std::size_t number : numbers) words.push_back(keys_[number]);
      for (const std::size_t number : numbers) words.push_back(idOf(number));
      addPart(plan, slot, words);
      order_.push_back(slot);
    }
  }

  void check(Plan& plan) {
    step_ = Step::Check;
    askSlots(plan, [this](std::size_t i) { return isId(ids_[i]) ? kBehindAll : std::string_view(ids_[i]); });
    plan.reads = plan.fromMasters = true;
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
    askSlots(plan, [this](std::size_t i) { return std::string_view(ids_[i]); });
    plan.reads = !isGroup_;
    plan.writes = plan.fromMasters = isGroup_;
  }

  void noteError(std::span<const PartReply> parts) {
    for (const PartReply& part : parts) {
      if (error_.empty() && isErrorReply(part.bytes)) error_ = part.bytes;
    }
  }

  // What a group has delivered is not kept back because of an error elsewhere: the next call meets that, too.
  void collect(std::span<const PartReply> parts) {
    for (std::size_t i = 0; i < parts.size() && i < order_.size(); ++i) take(parts[i].bytes, order_[i]);
    std::sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    if (found_.empty() || !isGroup_) noteError(parts);
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
  const std::unique_ptr<Composer> names_;
  std::map<Slot, std::vector<std::size_t>> slots_;  // which of the streams are there
  std::vector<std::size_t> lasts_;                  // those that are read from their end on
  std::vector<Slot> order_;                         // of the parts under way
  Step step_ = Step::Read;
  bool isPrepared_ = false;
  std::vector<std::pair<std::size_t, std::string>> found_;
  std::string error_;
};

}  // namespace

std::unique_ptr<Attempts> makeStreamReads(const protocol::CommandSpec& spec, protocol::Argv argv,
                                          int protocol, std::unique_ptr<Composer>& names) {
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
                                       block != 0, protocol, std::move(names));
}

}  // namespace slotless::routing
