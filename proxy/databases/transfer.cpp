#include "proxy/databases/transfer.h"

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::databases {

using protocol::Transfer;
using routing::PartReply;
using routing::Plan;

namespace {

// The value and its time to live at one moment, and when that ends, where the server tells.
constexpr std::string_view kRead =
    "--[[slotless]] local at = redis.pcall('pexpiretime', KEYS[1]) "
    "return {redis.call('dump', KEYS[1]), redis.call('pttl', KEYS[1]), type(at) == 'number' and at or -1}";
constexpr std::string_view kDelete =
    "--[[slotless]] if redis.call('dump', KEYS[1]) ~= ARGV[1] then return 0 end "
    "return redis.call('unlink', KEYS[1])";
// A value that changes more often while it is copied is being worked on.
constexpr int kMostTransferRounds = 10;

class TransferComposer final : public routing::Composer {
 public:
  TransferComposer(Transfer kind, std::string source, std::string destination, bool replace,
                   std::string_view eval)
      : kind_(kind),
        source_(std::move(source)),
        destination_(std::move(destination)),
        replace_(replace),
        eval_(eval) {}

  void read(Plan& plan) {
    step_ = Step::Read;
    if (!eval_.empty()) {
      routing::askOwner(plan, source_, {eval_, kRead, "1", source_}, false);
    } else {
      readInTwo(plan);
    }
    plan.reads = plan.fromMasters = true;
  }

  void readInTwo(Plan& plan) const {
    routing::askOwner(plan, source_, {"DUMP", source_}, false);
    routing::addPart(plan, protocol::slotOf(source_), {"PTTL", source_});
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    const std::string_view reply = parts.front().bytes;
    if (routing::isErrorReply(reply)) return false;
    switch (step_) {
      case Step::Read:
        return (eval_.empty() ? restoreFrom(parts, plan) : restore(reply, plan)) ||
               (rounds_ > 0 && undo(plan));
      case Step::Restore: return kind_ != Transfer::Copy && remove(plan);
      case Step::Remove:
        if (routing::integerOf(reply) == 1 || ++rounds_ == kMostTransferRounds) return false;
        replace_ = true;  // what is there is our own
        read(plan);
        return true;
      case Step::Undo: return false;
    }
    return false;
  }

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    const std::string_view reply = errorOrFirst(parts);
    if (reply.starts_with("-BUSYKEY")) {
      protocol::appendInteger(out, 0);
      return true;
    }
    if (routing::isErrorReply(reply)) {
      out += reply;
      return false;
    }
    if (rounds_ == kMostTransferRounds) {
      protocol::appendError(
          out, "ERR The key has been copied, but it changes too often to be deleted where it was");
      return false;
    }
    const bool isMissing =
        (step_ == Step::Read && rounds_ == 0) || (step_ == Step::Undo && routing::integerOf(reply) == 1);
    if (isMissing && renames()) {
      protocol::appendError(out, "ERR no such key");
      return false;
    }
    if (kind_ == Transfer::Rename) {
      protocol::appendSimple(out, "OK");
    } else {
      protocol::appendInteger(out, isMissing ? 0 : 1);
    }
    return true;
  }

  bool isLastStage() const override {
    return step_ == Step::Remove || step_ == Step::Undo ||
           (step_ == Step::Restore && kind_ == Transfer::Copy);
  }

 private:
  enum class Step : std::uint8_t { Read, Restore, Remove, Undo };

  bool renames() const noexcept { return kind_ == Transfer::Rename || kind_ == Transfer::RenameIfAbsent; }

  static std::string_view errorOrFirst(std::span<const PartReply> parts) {
    for (const PartReply& part : parts) {
      if (routing::isErrorReply(part.bytes)) return part.bytes;
    }
    return parts.front().bytes;
  }

  bool restore(std::string_view reply, Plan& plan) {
    const auto elements = routing::elementsOf(reply);
    if (!elements || elements->size() < 2) return false;
    const std::int64_t end = elements->size() > 2 ? routing::integerOf((*elements)[2]).value_or(-1) : -1;
    return restore((*elements)[0], (*elements)[1], end, plan);
  }

  bool restoreFrom(std::span<const PartReply> parts, Plan& plan) {
    return parts.size() == 2 && !routing::isErrorReply(parts[1].bytes) &&
           restore(parts[0].bytes, parts[1].bytes, -1, plan);
  }

  // `end`: the Unix time in milliseconds when it expires; negative: not known, or never. False: there is no
  // such key, or not any more.
  bool restore(std::string_view dumped, std::string_view left, std::int64_t end, Plan& plan) {
    const auto value = routing::isNullReply(dumped) ? std::nullopt : routing::textOf(dumped);
    if (!value) return false;
    value_ = *value;
    // -2: it has gone in between; read one after the other, its time may have been over.
    const std::int64_t milliseconds = routing::integerOf(left).value_or(0);
    if (milliseconds == -2) return false;
    const bool isEndKnown = milliseconds >= 0 && end > 0;
    const std::string ttl = std::to_string(isEndKnown ? end : std::max<std::int64_t>(0, milliseconds));
    std::vector<std::string_view> words = {"RESTORE", destination_, ttl, value_};
    if (isEndKnown) words.push_back("ABSTTL");
    if (replace_) words.push_back("REPLACE");
    step_ = Step::Restore;
    routing::askOwner(plan, destination_, words, true);
    return true;
  }

  bool remove(Plan& plan) {
    step_ = Step::Remove;
    return deleteCopy(source_, plan);
  }

  // Somebody else has taken it away where it was, and so has it: the copy goes. Not where it has taken
  // another value's place, since nobody has that one any more, and since there the copy may be another
  // proxy's.
  bool undo(Plan& plan) {
    if (kind_ == Transfer::Rename) return false;
    step_ = Step::Undo;
    return deleteCopy(destination_, plan);
  }

  bool deleteCopy(const std::string& key, Plan& plan) const {
    routing::askOwner(plan, key, {"EVAL", kDelete, "1", key, value_}, true);
    return true;
  }

  Transfer kind_;
  std::string source_;
  std::string destination_;
  bool replace_;
  const std::string_view eval_;
  Step step_ = Step::Read;
  int rounds_ = 0;
  std::string value_;
};

}  // namespace

std::optional<TransferRequest> parseTransfer(Transfer kind, protocol::Argv argv,
                                             const std::function<bool(std::string_view number)>& isThere) {
  if (argv.size() < 3) return std::nullopt;
  if (kind == Transfer::Rename || kind == Transfer::RenameIfAbsent)
    return TransferRequest{argv[1], argv[2], kind == Transfer::Rename};
  if (kind == Transfer::Move) {
    if (!isThere(argv[2])) return std::nullopt;
    return TransferRequest{argv[1], argv[1], false};
  }
  TransferRequest request{argv[1], argv[2], false};
  for (std::size_t i = 3; i < argv.size(); ++i) {
    if (protocol::equalsIgnoringCase(argv[i], "replace")) {
      request.replace = true;
    } else if (protocol::equalsIgnoringCase(argv[i], "db") && i + 1 < argv.size()) {
      if (!isThere(argv[++i])) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return request;
}

void planTransfer(Transfer kind, std::string source, std::string destination, bool replace,
                  std::string_view eval, Plan& plan) {
  auto composer =
      std::make_unique<TransferComposer>(kind, std::move(source), std::move(destination), replace, eval);
  composer->read(plan);
  plan.composer = std::move(composer);
}

}  // namespace slotless::databases
