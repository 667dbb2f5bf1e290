#include "proxy/session/clusterless_scripts.h"

#include <algorithm>
#include <vector>

#include "protocol/ascii.h"
#include "proxy/databases/script_flags.h"
#include "proxy/session/services.h"
#include "proxy/session/translation.h"

namespace slotless::session {

ClusterlessScripts& ClusterlessScripts::ofProcess() {
  static ClusterlessScripts scripts;
  return scripts;
}

void ClusterlessScripts::note(std::string_view script, ScriptCache& cache) {
  const auto sent = databases::withoutClusterFlag(script);
  if (!sent) return;
  cache.remember(*sent);
  const std::string said = ScriptCache::sha1Of(script);
  const std::string other = ScriptCache::sha1Of(*sent);
  const std::lock_guard guard(mutex_);
  if (sent_.size() >= kMostScripts) {
    sent_.clear();
    said_.clear();
  }
  sent_[said] = other;
  said_[other] = said;
  any_.store(true, std::memory_order_relaxed);
}

std::optional<std::string> ClusterlessScripts::sentFor(std::string_view sha) const {
  std::string said(sha);
  std::transform(said.begin(), said.end(), said.begin(), protocol::lowerAscii);
  const std::lock_guard guard(mutex_);
  const auto found = sent_.find(said);
  return found == sent_.end() ? std::nullopt : std::optional(found->second);
}

std::string ClusterlessScripts::asSaid(std::string_view error) const {
  constexpr std::string_view kBefore = "script: ";
  constexpr std::size_t kShaSize = 40;
  std::string text(error);
  const std::size_t at = text.find(kBefore);
  if (at == std::string::npos) return text;
  const std::lock_guard guard(mutex_);
  const auto found = said_.find(text.substr(at + kBefore.size(), kShaSize));
  if (found != said_.end()) text.replace(at + kBefore.size(), kShaSize, found->second);
  return text;
}

void translateClusterless(Services& services, Command& command) {
  const protocol::CommandSpec& spec = *command.spec;
  const std::size_t at = static_cast<std::size_t>(spec.scriptText > 0 ? spec.scriptText : spec.scriptSha);
  const std::string_view said = command.argv[at];
  const std::optional<std::string> sent = spec.scriptText > 0 ? databases::withoutClusterFlag(said)
                                                              : ClusterlessScripts::ofProcess().sentFor(said);
  if (!sent) return;
  std::vector<std::string_view> words(command.argv.begin(), command.argv.end());
  words[at] = *sent;
  services.mapper.write(words);
  replaceBy(services.mapper, command);
}

}  // namespace slotless::session
