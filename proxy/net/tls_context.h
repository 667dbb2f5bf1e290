// What TLS connections are made with: certificates, keys, whom to trust, what to demand. Read once from its
// files, then immutable: who renews certificates makes a new one, and connections that stand keep theirs.
//
// TLS 1.2 at least, no renegotiation, no compression. Nothing here, nor anywhere else, goes on without
// encryption when it cannot be had. Thread-safe: one context serves the connections of all workers, so that a
// session can be resumed on any of them. Errors: as texts that name the option's file and say what is wrong.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace slotless::net {

class TlsContext;
using TlsContextPtr = std::shared_ptr<const TlsContext>;

enum class TlsVersion : std::uint8_t { Tls12, Tls13 };

// Empty texts: as OpenSSL has it.
struct TlsDemands {
  TlsVersion least = TlsVersion::Tls12;
  TlsVersion most = TlsVersion::Tls13;
  std::string ciphers = {};       // up to TLS 1.2, in OpenSSL's form
  std::string ciphersuites = {};  // from TLS 1.3
};

enum class ClientCertificates : std::uint8_t { None, Optional, Required };

struct TlsServerOptions {
  std::string certificateFile;  // PEM, with what is between it and the root behind it
  std::string keyFile;          // PEM
  // Who may have signed the clients' certificates; needed unless these are None.
  std::string authorityFile = {};
  ClientCertificates clientCertificates = ClientCertificates::None;
  TlsDemands demands = {};
};

enum class TlsVerify : std::uint8_t {
  Name,       // signed by somebody who is trusted, for the name that was dialled
  Authority,  // signed by somebody who is trusted
  Off,
};

struct TlsClientOptions {
  std::string authorityFile = {};  // empty: whom the system trusts
  std::string certificateFile = {};
  std::string keyFile = {};
  TlsVerify verify = TlsVerify::Name;
  // Sent and verified instead of the name that was dialled; empty: that one.
  std::string serverName = {};
  TlsDemands demands = {};
};

struct TlsMade {
  TlsContextPtr context;  // nullptr: see the error
  std::string error;
};

TlsMade makeTlsServer(const TlsServerOptions& options);
TlsMade makeTlsClient(const TlsClientOptions& options);

// Lets heapBytes() know what OpenSSL allocates. False: it has allocated something before.
bool countTlsMemory() noexcept;

// When a server's or client's own certificate ends, in seconds since 1970; 0: it has none.
std::int64_t certificateExpiry(const TlsContext& context);

}  // namespace slotless::net
