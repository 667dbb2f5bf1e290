#include "proxy/commands/memory_commands.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/session/services.h"
#include "proxy/telemetry/shadow_counts.h"

namespace slotless::session {

using routing::Plan;

namespace {

// The own part goes in front of theirs. What a master refuses to tell is said in its place.
class DoctorsComposer final : public routing::Composer {
 public:
  DoctorsComposer(const Services& services, int protocol) : services_(services), protocol_(protocol) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    std::vector<std::string> different;
    for (const routing::PartReply& part : parts) {
      std::string told = textFrom(part.bytes);
      if (std::find(different.begin(), different.end(), told) == different.end())
        different.push_back(std::move(told));
    }
    std::string text = memoryDoctorText(memoryAccountOf(services_, 0));
    text += "The masters say of theirs:\n\n";
    for (const std::string& told : different) {
      text += told;
      if (!told.ends_with('\n')) text += '\n';
    }
    protocol::appendVerbatimText(out, protocol_, text);
    return true;
  }
  bool canForgo() const override { return true; }

 private:
  static std::string textFrom(std::string_view reply) {
    if (routing::isErrorReply(reply)) return std::string(reply.substr(1, reply.find('\r') - 1));
    return std::string(routing::textOf(reply).value_or("(no text)"));
  }

  const Services& services_;
  const int protocol_;
};

}  // namespace

MemoryAccount memoryAccountOf(const Services& services, std::size_t wrappedScripts) {
  const ProcessFacts facts = services.control.facts();
  MemoryAccount account;
  account.residentBytes = facts.residentBytes;
  account.programBytes = facts.programBytes;
  account.heapBytes = facts.heapBytes;
  account.limitBytes = services.config.memoryLimit;
  account.countedBytes = services.control.memoryInUse();
  for (std::size_t i = 0; i < static_cast<std::size_t>(telemetry::MemoryKind::Count); ++i) {
    std::size_t sum = 0;
    services.control.visitMetrics([&](const telemetry::WorkerMetrics& metrics) {
      sum += static_cast<std::size_t>(metrics.memory[i].value());
    });
    account.uses.push_back(
        {std::string(telemetry::memoryKindName(static_cast<telemetry::MemoryKind>(i))), sum});
  }
  account.uses.push_back({"scripts", facts.scriptBytes});
  account.uses.push_back({"wrapped_scripts", wrappedScripts});
  account.uses.push_back({"shadow", telemetry::ShadowCounts::ofProcess().waiting()});
  return account;
}

bool planMemoryDoctor(Services& services, protocol::Argv, Plan& plan) {
  plan.clear();
  plan.kind = Plan::Kind::EachNode;
  plan.composer = std::make_unique<DoctorsComposer>(services, plan.protocol);
  return true;
}

}  // namespace slotless::session
