#include "proxy/doctor/contact.h"

#include <algorithm>
#include <iterator>

namespace slotless::doctor {

namespace {

struct Words {
  std::string_view part;
  Contact contact;
};

// Source: Redis 3 to 8, Valkey 7 to 9 (server.c, acl.c, cluster.c), strerror() and OpenSSL. The first one
// that is found counts.
constexpr Words kWords[] = {
    {"TLS: no answer in time", Contact::NoAnswer},
    {"TLS:", Contact::NoTls},
    {"certificate", Contact::NoTls},
    {"called without any password configured", Contact::LoginUnwanted},
    {"no password is set", Contact::LoginUnwanted},
    {"WRONGPASS", Contact::LoginRefused},
    {"invalid password", Contact::LoginRefused},
    {"invalid username-password", Contact::LoginRefused},
    {"NOAUTH", Contact::LoginMissing},
    {"BUSY ", Contact::Busy},
    {"LOADING", Contact::Loading},
    {"cluster support disabled", Contact::NoCluster},
    {"max number of clients", Contact::NoAnswer},
    {"DENIED", Contact::NoAnswer},
    {"no answer in time", Contact::NoConnection},
    {"no answer", Contact::NoAnswer},
    {"refused", Contact::NoConnection},
    {"unreachable", Contact::NoConnection},
    {"No route", Contact::NoConnection},
    {"timed out", Contact::NoConnection},
    {"Connection reset", Contact::NoAnswer},
    {"Broken pipe", Contact::NoAnswer},
    {"connection was closed", Contact::NoAnswer},
    {"takes no more bytes", Contact::NoAnswer},
};

}  // namespace

Contact contactOf(std::string_view error) noexcept {
  const auto* const found = std::find_if(std::begin(kWords), std::end(kWords), [&](const Words& words) {
    return error.find(words.part) != std::string_view::npos;
  });
  return found == std::end(kWords) ? Contact::Odd : found->contact;
}

}  // namespace slotless::doctor
