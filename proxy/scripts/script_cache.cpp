#include "proxy/scripts/script_cache.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <functional>

#include "protocol/ascii.h"

namespace slotless::session {

std::string ScriptCache::sha1Of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string sha;
  for (unsigned i = 0; i < size; ++i) {
    sha += kHex[digest[i] >> 4U];
    sha += kHex[digest[i] & 15U];
  }
  return sha;
}

ScriptRef ScriptCache::remember(std::string_view text) {
  const std::size_t hash = std::hash<std::string_view>{}(text);
  const std::lock_guard guard(mutex_);
  if (const auto known = byTextHash_.find(hash);
      known != byTextHash_.end() && (*known->second)->text == text) {
    byUse_.splice(byUse_.begin(), byUse_, known->second);
    return byUse_.front();
  }
  if (costOf(text) > maxBytes_) return nullptr;
  std::string sha = sha1Of(text);
  if (const auto known = bySha_.find(sha); known != bySha_.end())
    return *known->second;  // another text had the same short hash
  byUse_.push_front(
      std::make_shared<const Script>(Script{std::move(sha), std::string(text), databases::callsOf(text)}));
  bySha_[byUse_.front()->sha] = byUse_.begin();
  byTextHash_[hash] = byUse_.begin();
  bytes_ += costOf(text);
  while (bytes_ > maxBytes_) {
    const Script& oldest = *byUse_.back();
    bytes_ -= costOf(oldest.text);
    bySha_.erase(oldest.sha);
    const auto short_ = byTextHash_.find(std::hash<std::string_view>{}(oldest.text));
    if (short_ != byTextHash_.end() && short_->second == std::prev(byUse_.end())) byTextHash_.erase(short_);
    byUse_.pop_back();
  }
  return byUse_.front();
}

ScriptRef ScriptCache::find(std::string_view sha) {
  std::string lower(sha);
  std::transform(lower.begin(), lower.end(), lower.begin(), protocol::lowerAscii);
  const std::lock_guard guard(mutex_);
  const auto found = bySha_.find(lower);
  if (found == bySha_.end()) return nullptr;
  byUse_.splice(byUse_.begin(), byUse_, found->second);
  return *found->second;
}

std::size_t ScriptCache::bytes() const {
  const std::lock_guard guard(mutex_);
  return bytes_;
}

void ScriptCache::clear() {
  const std::lock_guard guard(mutex_);
  bySha_.clear();
  byTextHash_.clear();
  byUse_.clear();
  bytes_ = 0;
  generation_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace slotless::session
