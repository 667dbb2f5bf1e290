// Seals what proxies say to each other, so that only those read and write it who come to the cluster with the
// same credential.
//
// AES-256-GCM, with a key that is derived from user name and password: who may publish on the channel but
// does not know the password can write nothing that opens, and read nothing. The derivation is slow by
// intention, since whoever hears the channel could otherwise try passwords by the million: about a tenth of a
// second, once for each credential. That a message is new, and for whom it is, is not known here: see
// taken_orders.h. Belongs to one thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/upstream/access.h"

namespace slotless::peers {

class Seal {
 public:
  // `before`: it is still taken, until all have heard of the change.
  void setCredentials(const upstream::Credentials& now, const std::optional<upstream::Credentials>& before);
  // There is a password; without one nobody proves anything.
  bool hasKey() const noexcept { return !keys_.empty(); }
  // Derives what is needed later. Cheap, but for the first time after a change.
  void prepare();

  // Requires hasKey(). nullopt: the system's cryptography does not work.
  std::optional<std::string> sealed(std::string_view text);
  // nullopt: nobody with one of these credentials has written it.
  std::optional<std::string> opened(std::string_view message);

  // Whether it says to be sealed.
  static bool isSealed(std::string_view message) noexcept;

 private:
  struct Key {
    upstream::Credentials credentials;
    std::string bytes;  // empty: not derived yet
  };

  static const std::string& bytesOf(Key& key);
  void keepOrAdd(std::vector<Key>& next, const upstream::Credentials& credentials);

  std::vector<Key> keys_;  // the first one seals, each opens
};

// That nobody can guess, in hexadecimal digits.
std::string randomName();

}  // namespace slotless::peers
