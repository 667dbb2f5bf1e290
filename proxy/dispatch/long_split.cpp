#include "proxy/dispatch/long_split.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/databases/reserved_keys.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/large_memory.h"
#include "proxy/dispatch/reply_texts.h"
#include "proxy/routing/router.h"

namespace slotless::session {

using protocol::Slot;

namespace {

constexpr std::size_t kUnitsToLook = 2;
constexpr std::size_t kUnitsToSort = 1;
constexpr std::size_t kUnitsToWrite = 2;
constexpr std::size_t kWrittenPerUnit = 512;

class LongSplit final : public Work {
 public:
  LongSplit(Context& context, Completion& completion, LegSender& sender, Request& request,
            const protocol::CommandSpec& spec, const databases::Database& database, OwnedRequest owned)
      : context_(context),
        completion_(completion),
        sender_(sender),
        request_(request),
        client_(*request.client),
        spec_(spec),
        database_(database),
        owned_(std::move(owned)),
        range_(*protocol::plainKeyRange(spec, owned_.argv().size())),
        splits_(context.config.crossSlot == config::CrossSlot::Emulate),
        partOfSlot_(protocol::kSlotCount, kNoPart),
        partOfKey_(new std::uint16_t[range_.count]),
        chain_(context.host.pool) {}

  ~LongSplit() override { giveBack(context_.workbench, std::move(owned_)); }

  bool goOn(WorkBudget& budget) override {
    if (ordinal_ < range_.count) {
      if (const std::string_view objection = look(budget); !objection.empty()) return fail(objection);
      if (ordinal_ < range_.count) return false;
      if (parts_.size() == 1 && !database_.mapped()) return sendWhole();
      begin();
    }
    return sort(budget) && sendParts(budget);
  }

 private:
  struct Part {
    Slot slot;
    std::size_t count = 0;
    std::vector<std::uint32_t> keys;
  };
  static constexpr std::uint16_t kNoPart = 0xFFFF;

  std::string_view key(std::size_t ordinal) const {
    return owned_.arguments[range_.first + ordinal * range_.step];
  }

  Slot slotOf(std::string_view name) {
    if (!database_.mapped() || database_.pinned()) return database_.slotOf(name);
    nameInCluster(name);
    return protocol::slotOf(name_);
  }

  // Which parts there are, and how large they are. Not empty: the answer.
  std::string_view look(WorkBudget& budget) {
    for (; ordinal_ < range_.count && budget.left(); ++ordinal_) {
      budget.spend(kUnitsToLook);
      const std::string_view name = key(ordinal_);
      if (const auto objection = databases::keyObjection(context_.databases, database_, name);
          !objection.empty())
        return objection;
      const Slot slot = slotOf(name);
      std::uint16_t& index = partOfSlot_[slot];
      if (index == kNoPart) {
        if (!splits_ && !parts_.empty()) return routing::kCrossSlot;
        index = static_cast<std::uint16_t>(parts_.size());
        parts_.push_back({slot, 0, {}});
      }
      ++parts_[index].count;
      partOfKey_[ordinal_] = index;
    }
    return {};
  }

  // Each part's keys, into memory of the right size: a list that grows would move in one go.
  bool sort(WorkBudget& budget) {
    for (; sorted_ < range_.count && budget.left(); ++sorted_) {
      budget.spend(kUnitsToSort);
      Part& part = parts_[partOfKey_[sorted_]];
      if (part.keys.empty()) part.keys.reserve(part.count);
      part.keys.push_back(static_cast<std::uint32_t>(sorted_));
    }
    return sorted_ == range_.count;
  }

  bool fail(std::string_view objection) {
    client_.releaseInput();
    std::string line;
    protocol::appendError(line, objection);
    completion_.failLeg(request_.leg(0), line);
    return true;
  }

  // As it has come, handed over.
  bool sendWhole() {
    client_.releaseInput();
    request_.merge = routing::Merge::None;
    Leg& leg = request_.leg(0);
    leg.slot = parts_.front().slot;
    const std::string_view bytes = owned_.block->view();
    sender_.launch(leg, {bytes, {}, &owned_.block});
    return true;
  }

  void begin() {
    request_.dropLegs();
    request_.makeLegs(parts_.size());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      request_.leg(i).slot = parts_[i].slot;
      request_.leg(i).state = LegState::Planned;
    }
    if (parts_.size() > 1) request_.merge = routing::mergeFor(spec_);
  }

  // The last one may end the request.
  bool sendParts(WorkBudget& budget) {
    for (; part_ < parts_.size(); ++part_) {
      if (!budget.left() || !writePart(budget)) return false;
      Leg& leg = request_.leg(part_);
      leg.keys = std::move(parts_[part_].keys);
      written_ = 0;
      if (part_ + 1 == parts_.size()) client_.releaseInput();
      sender_.launchBatch(leg, chain_);
      chain_.clear();
    }
    return true;
  }

  bool writePart(WorkBudget& budget) {
    const std::vector<std::uint32_t>& keys = parts_[part_].keys;
    text_.clear();
    if (written_ == 0) {
      protocol::appendArrayHeader(text_, 1 + keys.size() * range_.step);
      protocol::appendBulk(text_, owned_.arguments.front());
    }
    for (; written_ < keys.size() && budget.left(); ++written_) {
      const std::size_t before = text_.size();
      const std::size_t at = range_.first + keys[written_] * range_.step;
      appendKey(owned_.arguments[at]);
      for (std::size_t i = 1; i < range_.step; ++i) protocol::appendBulk(text_, owned_.arguments[at + i]);
      budget.spend(kUnitsToWrite + (text_.size() - before) / kWrittenPerUnit);
    }
    chain_.append(text_);
    return written_ == keys.size();
  }

  void appendKey(std::string_view name) {
    if (!database_.mapped()) return protocol::appendBulk(text_, name);
    nameInCluster(name);
    protocol::appendBulk(text_, name_);
  }

  void nameInCluster(std::string_view name) {
    name_.clear();
    database_.appendPhysical(name_, name);
  }

  Context& context_;
  Completion& completion_;
  LegSender& sender_;
  Request& request_;
  Downstream& client_;
  const protocol::CommandSpec& spec_;
  const databases::Database& database_;
  OwnedRequest owned_;
  const protocol::KeyRange range_;
  const bool splits_;
  std::vector<Part> parts_;
  std::vector<std::uint16_t> partOfSlot_;
  const std::unique_ptr<std::uint16_t[]> partOfKey_;
  std::size_t ordinal_ = 0;  // of the next key to be looked at …
  std::size_t sorted_ = 0;   // … and to be put to its part
  std::size_t part_ = 0;     // the next one to be sent …
  std::size_t written_ = 0;  // … so many keys of which stand in chain_
  net::ByteChain chain_;
  std::string text_;
  std::string name_;
};

}  // namespace

std::unique_ptr<Work> makeLongSplit(Context& context, Completion& completion, LegSender& sender,
                                    Request& request, const protocol::CommandSpec& spec,
                                    const databases::Database& database, OwnedRequest owned) {
  return std::make_unique<LongSplit>(context, completion, sender, request, spec, database, std::move(owned));
}

}  // namespace slotless::session
