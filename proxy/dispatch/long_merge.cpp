#include "proxy/dispatch/long_merge.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/reply_scanner.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::session {

using routing::Merge;
using routing::PartReply;

namespace {

constexpr std::size_t kManyElements = 4096;
constexpr std::size_t kManyBytes = 1024U * 1024;
constexpr std::size_t kUnitsPerElement = 1;
constexpr std::size_t kBytesPerUnit = 512;
constexpr std::size_t kBytesAtOnce = 64U * 1024;

// Elements of arrays, back into the order of the keys.
class Interleaving final : public Work {
 public:
  Interleaving(Completion& completion, Request& request, std::vector<PartReply> parts, std::size_t elements)
      : completion_(completion),
        request_(request),
        parts_(std::move(parts)),
        count_(elements),
        elements_(new Element[elements]) {}

  bool goOn(WorkBudget& budget) override {
    std::string out;
    if (part_ < parts_.size()) {
      if (!index(budget)) return fail();
      if (part_ < parts_.size()) return false;
      protocol::appendArrayHeader(out, count_);
    }
    for (; written_ < count_ && budget.left(); ++written_) {
      const Element& element = elements_[written_];
      out.append(element.bytes, element.size);
      budget.spend(kUnitsPerElement + element.size / kBytesPerUnit);
    }
    request_.client->deliver(request_, out);
    if (written_ < count_) return false;
    completion_.finishRequest(request_, false);
    return true;
  }

 private:
  // Without a constructor: memory for many is not touched before they come.
  struct Element {
    const char* bytes;
    std::size_t size;
  };

  // False: they do not fit together.
  bool index(WorkBudget& budget) {
    for (; part_ < parts_.size(); ++part_, element_ = 0) {
      const PartReply& part = parts_[part_];
      if (element_ == 0) {
        const auto count =
            routing::isListReply(part.bytes) ? routing::numberOf(part.bytes, position_) : std::nullopt;
        if (!count || static_cast<std::size_t>(*count) != part.keys.size()) return false;
      }
      for (; element_ < part.keys.size(); ++element_) {
        if (!budget.left()) return true;
        protocol::ReplyScanner scanner;
        const auto result = scanner.scan(part.bytes.substr(position_));
        if (result.status != protocol::ReplyScanner::Status::Complete) return false;
        elements_[part.keys[element_]] = {part.bytes.data() + position_, result.consumed};
        position_ += result.consumed;
        budget.spend(kUnitsPerElement + result.consumed / kBytesPerUnit);
      }
    }
    return true;
  }

  bool fail() {
    std::string line;
    routing::appendUnmergeable(line);
    request_.client->deliver(request_, line);
    completion_.finishRequest(request_, true);
    return true;
  }

  Completion& completion_;
  Request& request_;
  const std::vector<PartReply> parts_;
  const std::size_t count_;
  const std::unique_ptr<Element[]> elements_;
  std::size_t part_ = 0;
  std::size_t element_ = 0;  // of that part
  std::size_t position_ = 0;
  std::size_t written_ = 0;
};

// A reply that is there, or made in pieces of any length, goes to the client a little at a time.
class Handing {
 public:
  // True: that was all.
  static bool goOn(std::string_view whole, std::size_t& handed, Request& request, WorkBudget& budget) {
    while (handed < whole.size() && budget.left()) {
      const std::string_view piece = whole.substr(handed, kBytesAtOnce);
      request.client->deliver(request, piece);
      handed += piece.size();
      budget.spend(1 + piece.size() / kBytesPerUnit);
    }
    return handed == whole.size();
  }
};

// Arrays, one after the other.
class Concatenating final : public Work {
 public:
  Concatenating(Completion& completion, Request& request, std::vector<PartReply> parts, std::string header)
      : completion_(completion), request_(request), parts_(std::move(parts)), header_(std::move(header)) {}

  bool goOn(WorkBudget& budget) override {
    if (!header_.empty()) request_.client->deliver(request_, std::exchange(header_, {}));
    for (; part_ < parts_.size(); ++part_) {
      const std::string_view reply = parts_[part_].bytes;
      if (handed_ == 0) routing::numberOf(reply, handed_);
      if (!Handing::goOn(reply, handed_, request_, budget)) return false;
      handed_ = 0;
    }
    completion_.finishRequest(request_, false);
    return true;
  }

 private:
  Completion& completion_;
  Request& request_;
  const std::vector<PartReply> parts_;
  std::string header_;
  std::size_t part_ = 0;
  std::size_t handed_ = 0;
};

// What a composer makes.
class Composing final : public Work {
 public:
  Composing(Completion& completion, Request& request, std::vector<PartReply> parts)
      : completion_(completion), request_(request), parts_(std::move(parts)) {}

  bool goOn(WorkBudget& budget) override {
    using Piece = routing::Composer::Piece;
    std::string out;
    const Piece piece = request_.composer->composePiece(parts_, out, kElementsAtOnce);
    budget.spend(kElementsAtOnce * kUnitsPerComposed + out.size() / kBytesPerUnit);
    request_.client->deliver(request_, out);
    if (piece == Piece::More) return false;
    completion_.finishRequest(request_, piece == Piece::Failed);
    return true;
  }

 private:
  static constexpr std::size_t kElementsAtOnce = 2000;
  static constexpr std::size_t kUnitsPerComposed = 2;

  Completion& completion_;
  Request& request_;
  const std::vector<PartReply> parts_;
};

// What a hook makes.
class Assembling final : public Work {
 public:
  Assembling(Completion& completion, Request& request) : completion_(completion), request_(request) {
    request_.hook->begin(request_);
  }

  bool goOn(WorkBudget& budget) override {
    if (!assembled_) {
      assembled_ = request_.hook->assemble(request_, reply_, budget);
      if (!assembled_) return false;
    }
    if (!Handing::goOn(reply_, handed_, request_, budget)) return false;
    completion_.finishRequest(request_, reply_.starts_with('-'));
    return true;
  }

 private:
  Completion& completion_;
  Request& request_;
  bool assembled_ = false;
  std::string reply_;
  std::size_t handed_ = 0;
};

bool isGood(const std::vector<PartReply>& parts) {
  return !parts.empty() && std::none_of(parts.begin(), parts.end(), [](const PartReply& part) {
    return routing::isErrorReply(part.bytes);
  });
}

std::unique_ptr<Work> interleaving(Completion& completion, Request& request,
                                   const std::vector<PartReply>& parts) {
  std::size_t elements = 0;
  for (const PartReply& part : parts) elements += part.keys.size();
  if (elements < kManyElements) return nullptr;
  return std::make_unique<Interleaving>(completion, request, parts, elements);
}

std::unique_ptr<Work> concatenating(Completion& completion, Request& request,
                                    const std::vector<PartReply>& parts) {
  std::size_t bytes = 0;
  std::int64_t elements = 0;
  for (const PartReply& part : parts) {
    std::size_t end = 0;
    const auto count = routing::isListReply(part.bytes) ? routing::numberOf(part.bytes, end) : std::nullopt;
    if (!count) return nullptr;
    bytes += part.bytes.size();
    elements += *count;
  }
  if (bytes < kManyBytes) return nullptr;
  // An array stays an array, a set a set.
  std::string header = parts.front().bytes[0] + std::to_string(elements) + "\r\n";
  return std::make_unique<Concatenating>(completion, request, parts, std::move(header));
}

}  // namespace

std::unique_ptr<Work> longMergeOf(Completion& completion, Request& request,
                                  const std::vector<PartReply>& parts) {
  if (request.hook != nullptr) {
    if (!request.hook->isLong()) return nullptr;
    return std::make_unique<Assembling>(completion, request);
  }
  const Merge merge = request.composer != nullptr ? request.composer->merges() : request.merge;
  if (request.composer != nullptr && merge == Merge::None) {
    if (!request.composer->composesInPieces(parts)) return nullptr;
    return std::make_unique<Composing>(completion, request, parts);
  }
  if (merge != Merge::Interleave && merge != Merge::Concatenate && merge != Merge::Automatic) return nullptr;
  if (!isGood(parts)) return nullptr;
  return merge == Merge::Interleave ? interleaving(completion, request, parts)
                                    : concatenating(completion, request, parts);
}

}  // namespace slotless::session
