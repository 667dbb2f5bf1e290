#include "proxy/peers/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace slotless::peers {

namespace {

// Also what the text is bound to: a message of another form does not open as one of this.
constexpr std::string_view kSealedHead = "slotless-sealed 1\n";
constexpr std::string_view kSaltHead = "slotless-peers 1 ";
constexpr std::string_view kDefaultUser = "default";

constexpr int kRounds = 200'000;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kNameBytes = 16;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets(std::string& text, std::size_t from = 0) {
  return reinterpret_cast<unsigned char*>(text.data() + from);
}

std::string derived(const upstream::Credentials& credentials) {
  const std::string salt =
      std::string(kSaltHead) +
      std::string(credentials.username.empty() ? kDefaultUser : std::string_view(credentials.username));
  std::string key(kKeyBytes, '\0');
  const int made = PKCS5_PBKDF2_HMAC(
      credentials.password.data(), static_cast<int>(credentials.password.size()), octets(salt),
      static_cast<int>(salt.size()), kRounds, EVP_sha256(), static_cast<int>(key.size()), octets(key));
  return made == 1 ? key : std::string();
}

std::optional<std::string> openedWith(const std::string& key, std::string_view nonce, std::string_view text,
                                      std::string_view tag) {
  const Cipher cipher(EVP_CIPHER_CTX_new());
  std::string out(text.size(), '\0');
  std::string proof(tag);
  int length = 0;
  const bool isRight = cipher != nullptr && key.size() == kKeyBytes &&
                       EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr,
                                          octets(std::string_view(key)), octets(nonce)) == 1 &&
                       EVP_DecryptUpdate(cipher.get(), nullptr, &length, octets(kSealedHead),
                                         static_cast<int>(kSealedHead.size())) == 1 &&
                       EVP_DecryptUpdate(cipher.get(), octets(out), &length, octets(text),
                                         static_cast<int>(text.size())) == 1 &&
                       EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(proof.size()),
                                           proof.data()) == 1 &&
                       EVP_DecryptFinal_ex(cipher.get(), octets(out, out.size()), &length) == 1;
  if (!isRight) return std::nullopt;
  return out;
}

}  // namespace

bool Seal::isSealed(std::string_view message) noexcept {
  return message.starts_with(kSealedHead);
}

void Seal::keepOrAdd(std::vector<Key>& next, const upstream::Credentials& credentials) {
  if (credentials.password.empty()) return;
  const auto known = std::find_if(keys_.begin(), keys_.end(),
                                  [&](const Key& key) { return key.credentials == credentials; });
  next.push_back(known == keys_.end() ? Key{credentials, {}} : *known);
}

void Seal::setCredentials(const upstream::Credentials& now,
                          const std::optional<upstream::Credentials>& before) {
  std::vector<Key> next;
  keepOrAdd(next, now);
  // A password that has been taken away proves nothing any more.
  if (before && !next.empty()) keepOrAdd(next, *before);
  for (Key& key : keys_) OPENSSL_cleanse(key.bytes.data(), key.bytes.size());
  keys_ = std::move(next);
}

const std::string& Seal::bytesOf(Key& key) {
  if (key.bytes.empty()) key.bytes = derived(key.credentials);
  return key.bytes;
}

void Seal::prepare() {
  for (Key& key : keys_) bytesOf(key);
}

std::optional<std::string> Seal::sealed(std::string_view text) {
  const std::string& key = bytesOf(keys_.front());
  const Cipher cipher(EVP_CIPHER_CTX_new());
  std::string out(kSealedHead);
  const std::size_t nonceAt = out.size();
  const std::size_t textAt = nonceAt + kNonceBytes;
  const std::size_t tagAt = textAt + text.size();
  out.resize(tagAt + kTagBytes);
  int length = 0;
  const bool isDone = cipher != nullptr && key.size() == kKeyBytes &&
                      RAND_bytes(octets(out, nonceAt), static_cast<int>(kNonceBytes)) == 1 &&
                      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr,
                                         octets(std::string_view(key)), octets(out, nonceAt)) == 1 &&
                      EVP_EncryptUpdate(cipher.get(), nullptr, &length, octets(kSealedHead),
                                        static_cast<int>(kSealedHead.size())) == 1 &&
                      EVP_EncryptUpdate(cipher.get(), octets(out, textAt), &length, octets(text),
                                        static_cast<int>(text.size())) == 1 &&
                      EVP_EncryptFinal_ex(cipher.get(), octets(out, tagAt), &length) == 1 &&
                      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes),
                                          octets(out, tagAt)) == 1;
  if (!isDone) return std::nullopt;
  return out;
}

std::optional<std::string> Seal::opened(std::string_view message) {
  if (!isSealed(message) || message.size() < kSealedHead.size() + kNonceBytes + kTagBytes)
    return std::nullopt;
  message.remove_prefix(kSealedHead.size());
  const std::string_view nonce = message.substr(0, kNonceBytes);
  const std::string_view tag = message.substr(message.size() - kTagBytes);
  const std::string_view text = message.substr(kNonceBytes, message.size() - kNonceBytes - kTagBytes);
  for (Key& key : keys_) {
    if (auto found = openedWith(bytesOf(key), nonce, text, tag)) return found;
  }
  return std::nullopt;
}

std::string randomName() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, kNameBytes> bytes{};
  // Where the system has no randomness the name is none, and nothing is asked.
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return {};
  std::string name;
  for (const unsigned char byte : bytes) {
    name += kDigits[byte >> 4U];
    name += kDigits[byte & 15U];
  }
  return name;
}

}  // namespace slotless::peers
