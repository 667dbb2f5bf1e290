#include "proxy/routing/shipment.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "protocol/denial.h"
#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "protocol/operand_names.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

using protocol::CommandSpec;
using protocol::KeySpec;
using protocol::Slot;

namespace {

// Restores the values, carries the command out, and deletes what has been restored. If a value cannot be
// restored, nothing is carried out. KEYS: the names of the values, and the other keys; ARGV: how many values,
// the values, the command.
constexpr std::string_view kCarryOut =
    "--[[slotless]] local n, done, reply = tonumber(ARGV[1]), 0, nil "
    "while not reply and done < n do "
    "local r = redis.pcall('restore', KEYS[done + 1], 0, ARGV[done + 2], 'replace') "
    "if type(r) == 'table' and r.err then reply = r else done = done + 1 end "
    "end "
    "if not reply then reply = redis.pcall(unpack(ARGV, n + 2)) end "
    "for i = 1, done do redis.call('unlink', KEYS[i]) end "
    "return reply";
// Lua's unpack() takes about 8,000.
constexpr std::size_t kMostArguments = 7000;

// What its flags do not say for certain is not to be guessed.
bool isTold(const KeySpec& spec) {
  constexpr std::uint32_t kUncertain =
      protocol::kKeyNotKey | protocol::kKeyIncomplete | protocol::kKeyVariableFlags;
  constexpr std::uint32_t kUse =
      protocol::kKeyReadOnly | protocol::kKeyReadWrite | protocol::kKeyOverwrite | protocol::kKeyRemove;
  return (spec.flags & kUncertain) == 0 && (spec.flags & kUse) != 0;
}

bool isCandidate(const CommandSpec& spec, std::size_t arguments) {
  return spec.handling == protocol::Handling::Keyed && spec.role == protocol::SessionRole::None &&
         spec.transfer == protocol::Transfer::None && !spec.in(protocol::kCategoryScripting) &&
         !spec.slotUnchecked && arguments <= kMostArguments;
}

using Positions = std::vector<std::uint32_t>;

// Its specifications look for STORE behind options of any kind, find only the first one, and do not claim
// more than that in Redis 8.
bool findUsesOfGeoRadius(const CommandSpec& spec, protocol::Argv argv, Positions& read, Positions& written) {
  if (protocol::keyPositions(spec, argv, written) != protocol::KeyResult::Ok || written.size() < 2)
    return false;
  read.assign(written.begin(), written.begin() + 1);
  written.erase(written.begin());
  return true;
}

// Which keys are read, and which are written. False: they are not told.
bool findUses(const CommandSpec& spec, protocol::Argv argv, Positions& read, Positions& written) {
  if (spec.keyProcedure == protocol::KeyProcedure::GeoRadius)
    return findUsesOfGeoRadius(spec, argv, read, written);
  if (spec.keyProcedure != protocol::KeyProcedure::BySpecs || spec.keySpecs.empty() ||
      !std::all_of(spec.keySpecs.begin(), spec.keySpecs.end(), isTold))
    return false;
  const bool writes = !spec.has(protocol::kReadOnly);
  Positions positions;
  for (const KeySpec& keys : spec.keySpecs) {
    if (protocol::keyPositionsOf(keys, argv, positions) != protocol::KeyResult::Ok) return false;
    Positions& uses = writes && (keys.flags & protocol::kKeyReadOnly) == 0 ? written : read;
    uses.insert(uses.end(), positions.begin(), positions.end());
  }
  return writes ? !written.empty() : !read.empty();
}

// The first of them.
Slot commonest(const Positions& positions, protocol::Argv argv) {
  const auto slotAt = [&](std::uint32_t position) { return protocol::slotOf(argv[position]); };
  std::map<Slot, std::size_t> counts;
  for (const std::uint32_t position : positions) ++counts[slotAt(position)];
  return slotAt(*std::max_element(positions.begin(), positions.end(), [&](std::uint32_t a, std::uint32_t b) {
    return counts[slotAt(a)] < counts[slotAt(b)];
  }));
}

class ShipmentComposer final : public Composer {
 public:
  ShipmentComposer(Shipment shipment, protocol::Argv argv, std::uint64_t maxBytes)
      : destination_(shipment.destination),
        writes_(shipment.written.has_value()),
        maxBytes_(maxBytes),
        argv_(argv.begin(), argv.end()) {
    if (shipment.written) written_ = argv_[*shipment.written];
    std::map<std::string, std::size_t> numbers;
    for (const std::uint32_t position : shipment.travelling) {
      const auto [found, isNew] = numbers.emplace(argv_[position], numbers.size());
      if (isNew) keys_.push_back(argv_[position]);
      argv_[position] = protocol::operandName(destination_, found->second);
    }
  }

  void fetch(Plan& plan) {
    begin(plan);
    plan.reads = true;
    for (const std::string& key : keys_) addPart(plan, protocol::slotOf(key), {"DUMP", key});
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    Values values;
    if (isCarried_ || !unpack(parts, values)) return false;
    isCarried_ = true;
    begin(plan);
    if (writes_) {
      writeScript(values, plan);
    } else {
      writeTransaction(values, plan);
    }
    return true;
  }
  bool isLastStage() const override { return isCarried_; }

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    // The client has sent no transaction.
    constexpr std::string_view kAborted = "-EXECABORT Transaction discarded because of: ";
    const std::string_view reply = error_.empty() ? replyIn(parts) : std::string_view(error_);
    if (reply.starts_with(kAborted)) {
      out += '-';
      out += reply.substr(kAborted.size());
    } else {
      out += reply;
    }
    return !isErrorReply(reply);
  }

 private:
  using Words = std::vector<std::string_view>;
  using Values = std::vector<std::pair<std::string, std::string_view>>;  // by their names

  void begin(Plan& plan) const {
    plan.clear();
    plan.kind = Plan::Kind::Prepared;
    plan.staged = true;
    plan.fromMasters = writes_ || isCarried_;
  }

  // False: they cannot travel, and error_ is the answer. A key that does not exist has no value.
  bool unpack(std::span<const PartReply> parts, Values& values) {
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string_view reply = parts[i].bytes;
      if (isErrorReply(reply)) {
        error_ = protocol::isDenial(reply) ? std::string(kDenied) : std::string(reply);
        return false;
      }
      if (isNullReply(reply)) continue;
      const auto value = textOf(reply);
      if (!value) {
        protocol::appendError(error_, "ERR The node's answer to DUMP is not one");
        return false;
      }
      bytes += value->size();
      values.emplace_back(protocol::operandName(destination_, i), *value);
    }
    if (maxBytes_ == 0 || bytes <= maxBytes_) return true;
    protocol::appendError(
        error_,
        "CROSSSLOT Keys in request don't hash to the same slot, and the values that would have to "
        "be brought there are larger than cross-slot-max-bytes");
    return false;
  }

  void writeScript(const Values& values, Plan& plan) const {
    plan.writes = true;
    const std::string count = std::to_string(values.size());
    const std::string keys = std::to_string(values.size() + 1);
    Words words = {"EVAL", kCarryOut, keys};
    for (const auto& [name, value] : values) words.push_back(name);
    words.push_back(written_);
    words.push_back(count);
    for (const auto& [name, value] : values) words.push_back(value);
    words.insert(words.end(), argv_.begin(), argv_.end());
    addPart(plan, destination_, words);
  }

  void writeTransaction(const Values& values, Plan& plan) {
    Part& part = addPart(plan, destination_, {"MULTI"});
    Words names = {"UNLINK"};
    for (const auto& [name, value] : values) {
      protocol::appendRequest(part.request, {{"RESTORE", name, "0", value, "REPLACE"}});
      names.push_back(name);
    }
    protocol::appendRequest(part.request, Words(argv_.begin(), argv_.end()));
    if (names.size() > 1) protocol::appendRequest(part.request, names);
    protocol::appendRequest(part.request, {{"EXEC"}});
    restored_ = values.size();
    // OK, and QUEUED for each.
    plan.preludes = static_cast<std::uint32_t>(2 + restored_ + (restored_ > 0 ? 1 : 0));
  }

  // The command's among those of the transaction, or what has kept a value from being restored.
  std::string_view replyIn(std::span<const PartReply> parts) const {
    for (const PartReply& part : parts) {
      if (isErrorReply(part.bytes)) return part.bytes;
    }
    if (writes_) return parts.front().bytes;
    const auto replies = elementsOf(parts.front().bytes);
    if (!replies || replies->size() <= restored_) return kNoReply;
    for (std::size_t i = 0; i < restored_; ++i) {
      if (isErrorReply((*replies)[i])) return (*replies)[i];
    }
    return (*replies)[restored_];
  }
  static constexpr std::string_view kDenied =
      "-CROSSSLOT Keys in request don't hash to the same slot, and the nodes deny DUMP to the proxy\r\n";
  static constexpr std::string_view kNoReply = "-ERR The node's answer to EXEC is not one\r\n";

  const Slot destination_;
  const bool writes_;
  const std::uint64_t maxBytes_;
  std::vector<std::string> argv_;  // with the names of the values
  std::string written_;
  std::vector<std::string> keys_;  // that travel, each once
  std::size_t restored_ = 0;
  bool isCarried_ = false;
  std::string error_;
};

}  // namespace

std::optional<Shipment> shipmentOf(const CommandSpec& spec, protocol::Argv argv) {
  if (!isCandidate(spec, argv.size())) return std::nullopt;
  Positions read;
  Positions written;
  if (!findUses(spec, argv, read, written)) return std::nullopt;
  const auto slotAt = [&](std::uint32_t position) { return protocol::slotOf(argv[position]); };
  Shipment shipment;
  if (written.empty()) {
    shipment.destination = commonest(read, argv);
  } else {
    shipment.written = written.front();
    shipment.destination = slotAt(written.front());
  }
  const auto isElsewhere = [&](std::uint32_t position) { return slotAt(position) != shipment.destination; };
  if (std::any_of(written.begin(), written.end(), isElsewhere)) return std::nullopt;
  std::copy_if(read.begin(), read.end(), std::back_inserter(shipment.travelling), isElsewhere);
  return shipment;
}

void planShipment(Shipment shipment, protocol::Argv argv, std::uint64_t maxBytes, Plan& plan) {
  auto composer = std::make_unique<ShipmentComposer>(std::move(shipment), argv, maxBytes);
  composer->fetch(plan);
  plan.composer = std::move(composer);
}

}  // namespace slotless::routing
