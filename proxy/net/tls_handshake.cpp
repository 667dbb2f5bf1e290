// How a TLS connection begins and fails: the handshake, what it is told by, and its deadline.
#include <cerrno>
#include <cstring>
#include <string_view>

#include "proxy/net/tls_memory_stream.h"
#include "proxy/net/tls_trouble.h"

namespace slotless::net {

void MemoryTlsStream::watchBelow() {
  const bool toSend = ahead() > 0 && sendError_ == 0;
  switch (state_) {
    case State::Connecting: return below_->watch(false, true);
    case State::Handshaking: return below_->watch(true, toSend);
    case State::Failed: return below_->watch(false, false);  // the call that told of it was the last event
    case State::Open: return below_->watch(wantsRead_, wantsWrite_ || toSend);
  }
}

void MemoryTlsStream::fail(int error, std::string text) {
  state_ = State::Failed;
  error_ = error;
  failure_ = std::move(text);
  sendOutgoing();  // an alert that says why
  watchBelow();
}

void MemoryTlsStream::count(TlsFailure reason, const std::string& why) const {
  TlsCounts::ofProcess().failed(side(), reason, context_->isServer ? peer().text() : dialled_, why);
}

void MemoryTlsStream::failAs(TlsFailure reason, const std::string& why) {
  count(reason, why);
  fail(kTlsError, why);
}

void MemoryTlsStream::failBySsl() {
  const long verified = SSL_get_verify_result(ssl_.get());
  TlsTrouble trouble = takeSslTrouble();
  const bool verifies = SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE;
  const bool handshaking = state_ == State::Handshaking;
  if (handshaking && verifies && verified != X509_V_OK)
    trouble = {TlsFailure::Certificate, X509_verify_cert_error_string(verified)};
  if (trouble.text.empty()) trouble.text = "no reason told";
  const std::string why = (handshaking ? "TLS handshake failed: " : "TLS: ") + trouble.text;
  // Since TLS 1.3 a client learns only afterwards that its certificate is refused.
  if (handshaking || trouble.reason == TlsFailure::Refused) count(trouble.reason, why);
  fail(kTlsError, why);
}

void MemoryTlsStream::onTimer() {
  switch (state_) {
    case State::Connecting: fail(kTlsError, "no connection in time"); return tellHandshakeOver();
    case State::Handshaking:
      failAs(TlsFailure::Timeout, "no TLS handshake in time");
      return tellHandshakeOver();
    default: break;
  }
  if (wantsRead_) observer_.onReadable();
}

void MemoryTlsStream::tellHandshakeOver() {
  timer_->stop();
  if (state_ == State::Failed && context_->isServer) return observer_.onReadable();  // reads the error
  if (!context_->isServer) return observer_.onWritable();
  const std::weak_ptr<int> alive = alive_;
  if (wantsWrite_) observer_.onWritable();
  if (alive.expired()) return;
  if (wantsRead_ && holdsMore()) remind();
}

void MemoryTlsStream::handshake() {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_.get());
  if (done == 1) {
    state_ = State::Open;
    names_ = peerNamesOf(*ssl_);
    if (context_->isServer) forgetChain(*ssl_);
    TlsCounts::ofProcess().succeeded(side(), SSL_get_version(ssl_.get()),
                                     SSL_session_reused(ssl_.get()) == 1);
    sendOutgoing();
    giveBack(incoming_);
    watchBelow();
    // What came right behind the handshake is in here already.
    return tellHandshakeOver();
  }
  const int reason = SSL_get_error(ssl_.get(), done);
  if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
    failBySsl();
    return tellHandshakeOver();
  }
  sendOutgoing();
  watchBelow();
}

void MemoryTlsStream::onWritable() {
  if (state_ == State::Connecting) {
    if (const int error = below_->connectError(); error != 0) {
      fail(error);
      return tellHandshakeOver();
    }
    state_ = State::Handshaking;
    return handshake();
  }
  sendOutgoing();
  passOnEnd();
  watchBelow();
  if (state_ == State::Open && wantsWrite_ && (ahead() == 0 || sendError_ != 0)) observer_.onWritable();
}

void MemoryTlsStream::onReadable() {
  if (state_ != State::Handshaking) return observer_.onReadable();
  // A crowd of strangers does not keep the clients waiting that are there. It is still readable then.
  if (context_->isServer && !loop_.hasTimeLeft()) return;
  const IoResult got = takeFromBelow();
  if (got.status == IoStatus::WouldBlock) return;
  if (got.status == IoStatus::Ok) {
    const bool first = !std::exchange(spokenTo_, true);
    return first && !speaksTls() ? tellHandshakeOver() : handshake();
  }
  if (context_->isServer && !spokenTo_) {
    fail(ECONNRESET);  // somebody has only looked whether anybody listens
  } else if (got.status == IoStatus::End) {
    failAs(TlsFailure::Closed, "closed during the TLS handshake");
  } else {
    count(TlsFailure::Closed, describe(got.error));
    fail(got.error);
  }
  tellHandshakeOver();
}

bool MemoryTlsStream::speaksTls() {
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(incoming_, &bytes);
  const std::string_view other = otherProtocolIn({bytes, static_cast<std::size_t>(length)});
  if (other.empty()) return true;
  if (!context_->isServer) {
    failAs(TlsFailure::NoTls, "TLS handshake failed: the node does not speak TLS");
    return false;
  }
  failAs(TlsFailure::NoTls, "TLS handshake failed: the client speaks " + std::string(other));
  constexpr std::string_view kAnswer = "-ERR this port is for TLS only\r\n";
  const iovec piece{const_cast<char*>(kAnswer.data()), kAnswer.size()};
  if (other != "HTTP") static_cast<void>(below_->write({&piece, 1}));
  return false;
}

TlsFacts MemoryTlsStream::facts() const {
  return state_ == State::Open ? factsOf(*ssl_) : TlsFacts{};
}

std::string MemoryTlsStream::encryption() const {
  if (state_ != State::Open) return {};
  return std::string(SSL_get_version(ssl_.get())) + "/" + SSL_get_cipher_name(ssl_.get());
}

}  // namespace slotless::net
