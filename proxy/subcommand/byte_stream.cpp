#include "proxy/subcommand/byte_stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace slotless::subcommand {

namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { freeaddrinfo(list); }
};
struct FreeContext {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
struct FreeSession {
  void operator()(SSL* session) const noexcept { SSL_free(session); }
};

std::string sslReason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "the connection was closed" : reason;
}

std::string reasonOf(int number) {
  return std::strerror(number);
}

}  // namespace

struct ByteStream::Tls {
  std::unique_ptr<SSL_CTX, FreeContext> context;
  std::unique_ptr<SSL, FreeSession> session;
};

TlsFiles TlsFiles::of(const config::Config& config) {
  return {config.clusterTlsCaCertFile, config.clusterTlsCertFile, config.clusterTlsKeyFile,
          config.clusterTlsServerName, config.clusterTlsVerify};
}

ByteStream::ByteStream() = default;

ByteStream::~ByteStream() {
  close();
}

void ByteStream::close() noexcept {
  tls_.reset();
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

bool ByteStream::pending() const noexcept {
  return tls_ != nullptr && SSL_pending(tls_->session.get()) > 0;
}

bool ByteStream::await(short events, Deadline deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd entry{socket_, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000)));
    if (ready > 0) return true;
    if (ready == 0 && Clock::now() >= deadline) return false;
    if (ready < 0 && errno != EINTR) return true;  // the next call tells why
  }
}

std::string ByteStream::dial(const ServerUrl& url, Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int failure = getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &list))
    return gai_strerror(failure);
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(list);
  std::string error = "no address";
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    close();
    socket_ = ::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, each->ai_protocol);
    if (socket_ < 0) return reasonOf(errno);
    if (::connect(socket_, each->ai_addr, each->ai_addrlen) != 0) {
      error = reasonOf(errno);
      if (errno != EINPROGRESS) continue;
      if (!await(POLLOUT, deadline)) {
        error = "no answer in time";
        continue;
      }
      int failure = 0;
      socklen_t size = sizeof(failure);
      ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &failure, &size);
      if (failure != 0) {
        error = reasonOf(failure);
        continue;
      }
    }
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ::setsockopt(socket_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    return {};
  }
  close();
  return error;
}

std::string ByteStream::shake(const ServerUrl& url, const TlsFiles& files, Deadline deadline) {
  ERR_clear_error();
  tls_ = std::make_unique<Tls>();
  tls_->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = tls_->context.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const bool verifies = files.verify != config::ClusterTlsVerify::Off;
  SSL_CTX_set_verify(context, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (verifies && (files.authority.empty()
                       ? SSL_CTX_set_default_verify_paths(context)
                       : SSL_CTX_load_verify_locations(context, files.authority.c_str(), nullptr)) != 1)
    return "certificate authority " + files.authority + ": " + sslReason();
  if (!files.certificate.empty() &&
      (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1 ||
       SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1))
    return "certificate " + files.certificate + ": " + sslReason();
  tls_->session.reset(SSL_new(context));
  SSL* const session = tls_->session.get();
  const std::string& name = files.serverName.empty() ? url.host : files.serverName;
  std::array<unsigned char, 16> address{};
  const bool isAddress = inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
                         inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
  if (!isAddress) SSL_set_tlsext_host_name(session, name.c_str());
  if (files.verify == config::ClusterTlsVerify::Name) {
    const int set = isAddress ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str())
                              : SSL_set1_host(session, name.c_str());
    if (set != 1) return "TLS: the name cannot be verified";
  }
  SSL_set_fd(session, socket_);
  for (;;) {
    const int result = SSL_connect(session);
    if (result == 1) return {};
    const int wants = SSL_get_error(session, result);
    if (wants != SSL_ERROR_WANT_READ && wants != SSL_ERROR_WANT_WRITE) {
      const long verified = SSL_get_verify_result(session);
      return verified != X509_V_OK ? "TLS: " + std::string(X509_verify_cert_error_string(verified))
                                   : "TLS: " + sslReason();
    }
    if (!await(wants == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) return "TLS: no answer in time";
  }
}

std::string ByteStream::open(const ServerUrl& url, const TlsFiles& files, Deadline deadline) {
  close();
  std::string error = dial(url, deadline);
  if (error.empty() && url.tls) error = shake(url, files, deadline);
  if (!error.empty()) close();
  return error;
}

std::string ByteStream::send(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    short events = POLLOUT;
    if (tls_ != nullptr) {
      ERR_clear_error();
      const int most = static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20));
      const int sent = SSL_write(tls_->session.get(), bytes.data(), most);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
        continue;
      }
      const int wants = SSL_get_error(tls_->session.get(), sent);
      if (wants != SSL_ERROR_WANT_READ && wants != SSL_ERROR_WANT_WRITE) return "TLS: " + sslReason();
      events = wants == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    } else {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return reasonOf(errno);
    }
    if (!await(events, deadline)) return "it takes no more bytes";
  }
  return {};
}

std::string ByteStream::receive(std::string& bytes, Deadline deadline) {
  std::array<char, 64 * 1024> room;
  for (;;) {
    short events = POLLIN;
    if (tls_ != nullptr) {
      ERR_clear_error();
      const int got = SSL_read(tls_->session.get(), room.data(), static_cast<int>(room.size()));
      if (got > 0) {
        bytes.append(room.data(), static_cast<std::size_t>(got));
        return {};
      }
      const int wants = SSL_get_error(tls_->session.get(), got);
      if (wants != SSL_ERROR_WANT_READ && wants != SSL_ERROR_WANT_WRITE) return "TLS: " + sslReason();
      events = wants == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    } else {
      const ssize_t got = ::recv(socket_, room.data(), room.size(), 0);
      if (got > 0) {
        bytes.append(room.data(), static_cast<std::size_t>(got));
        return {};
      }
      if (got == 0) return "the connection was closed";
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return reasonOf(errno);
    }
    if (!await(events, deadline)) return {};
  }
}

}  // namespace slotless::subcommand
