#include "proxy/net/tls_stream.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/net/tls_private.h"

namespace slotless::net {

namespace {

// A record, and what encryption adds to it.
constexpr std::size_t kRecordBytes = 16384;
constexpr std::size_t kReadBytes = kRecordBytes + 512;
// Encrypted, and not taken by the system yet: beyond that a write would block.
constexpr std::size_t kMostAhead = 4 * kRecordBytes;
// errno has no number for what goes wrong in here.
constexpr int kTlsError = EPROTO;

std::string textOf(const ASN1_STRING* string) {
  if (string == nullptr) return {};
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string commonNameOf(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  return at < 0 ? std::string() : textOf(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

std::string uriOf(const X509* certificate) {
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::string uri;
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && uri.empty(); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_URI) uri = textOf(name->d.uniformResourceIdentifier);
  }
  GENERAL_NAMES_free(names);
  return uri;
}

class MemoryTlsStream final : public TlsStream, private Stream::Observer {
 public:
  MemoryTlsStream(Loop& loop, TlsContextPtr context, Stream::Observer& observer, Millis patience)
      : context_(std::move(context)), observer_(observer), ssl_(SSL_new(context_->ssl.get())) {
    incoming_ = BIO_new(BIO_s_mem());
    outgoing_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), incoming_, outgoing_);  // which owns them now
    if (context_->isServer) {
      SSL_set_accept_state(ssl_.get());
    } else {
      SSL_set_connect_state(ssl_.get());
    }
    timer_ = loop.makeTimer([this] { onTimer(); });
    timer_->start(patience);
  }
  ~MemoryTlsStream() override {
    if (state_ != State::Open || below_ == nullptr) return;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    sendOutgoing();
  }
  MemoryTlsStream(const MemoryTlsStream&) = delete;
  MemoryTlsStream& operator=(const MemoryTlsStream&) = delete;

  // False: that name cannot be demanded.
  bool demandName(const std::string& dialled, const Address& numeric) {
    const std::string& name = context_->serverName.empty() ? dialled : context_->serverName;
    dialled_ = name + " " + numeric.text();
    SSL_set_ex_data(ssl_.get(), kDialledIndex, &dialled_);
    if (const auto session = context_->sessions.find(dialled_); session != nullptr)
      SSL_set_session(ssl_.get(), session.get());
    return demand(name);
  }
  bool demand(const std::string& name) {
    const bool isNumeric = isNumericHost(name);
    if (!isNumeric && SSL_set_tlsext_host_name(ssl_.get(), name.c_str()) != 1) return false;
    if (context_->verify != TlsVerify::Name) return true;
    SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (isNumeric) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), name.c_str()) == 1;
    return SSL_set1_host(ssl_.get(), name.c_str()) == 1;
  }
  Stream::Observer& below() noexcept { return *this; }
  void standOn(std::unique_ptr<Stream> stream) {
    below_ = std::move(stream);
    if (context_->isServer) state_ = State::Handshaking;
    watchBelow();
  }

  void watch(bool readable, bool writable) override {
    const bool anew = readable && !wantsRead_;
    wantsRead_ = readable;
    wantsWrite_ = writable;
    if (anew && (ended_ || state_ == State::Failed || (state_ == State::Open && holdsMore()))) remind();
    watchBelow();
  }
  IoResult read(char* into, std::size_t capacity) override;
  IoResult write(std::span<const iovec> pieces) override;
  void remind() override {
    if (state_ != State::Handshaking && state_ != State::Connecting) timer_->start(Millis{0});
  }
  std::string describe(int error) const override {
    return error == kTlsError && !failure_.empty() ? failure_ : below_->describe(error);
  }
  int connectError() override { return error_; }
  const Address& peer() const override { return below_->peer(); }
  Address local() const override { return below_->local(); }
  int descriptor() const override { return below_->descriptor(); }
  TlsFacts facts() const override;

 private:
  enum class State : std::uint8_t { Connecting, Handshaking, Open, Failed };

  void onReadable() override;
  void onWritable() override;
  void onTimer();
  void handshake();
  // One read of the stream below.
  IoResult takeFromBelow();
  // What has been encrypted goes as far as it does.
  void sendOutgoing();
  bool holdsMore() const { return SSL_pending(ssl_.get()) > 0 || BIO_pending(incoming_) > 0; }
  std::size_t ahead() const {
    return rest_.size() - restSent_ + static_cast<std::size_t>(BIO_pending(outgoing_));
  }
  void watchBelow();
  void fail(int error, std::string text = {});
  void failBySsl(const char* doing);
  // Whoever waits for the handshake hears that it is over; this may be gone afterwards.
  void tellHandshakeOver();

  const TlsContextPtr context_;
  std::string dialled_;  // by a client
  Stream::Observer& observer_;
  std::unique_ptr<SSL, SslFree> ssl_;
  BIO* incoming_;  // encrypted bytes from the peer
  BIO* outgoing_;  // and for it
  std::unique_ptr<Stream> below_;
  // The deadline of the handshake; afterwards, a call that is owed: see remind().
  std::unique_ptr<Timer> timer_;
  State state_ = State::Connecting;
  bool ended_ = false;   // by the peer; the other direction may go on
  int sendError_ = 0;    // nothing goes any more, but what has come before can be read
  int error_ = 0;        // nothing at all goes any more
  std::string failure_;  // in words, if error_ is kTlsError
  std::string rest_;     // taken out of outgoing_, and not all sent
  std::size_t restSent_ = 0;
  bool wantsRead_ = false;
  bool wantsWrite_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

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

void MemoryTlsStream::failBySsl(const char* doing) {
  const long verified = SSL_get_verify_result(ssl_.get());
  std::string reason = takeSslError();
  const bool verifies = SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE;
  if (verifies && verified != X509_V_OK && state_ == State::Handshaking)
    reason = X509_verify_cert_error_string(verified);
  fail(kTlsError, std::string(doing) + ": " + (reason.empty() ? "no reason told" : reason));
}

void MemoryTlsStream::onTimer() {
  switch (state_) {
    case State::Connecting:
    case State::Handshaking: fail(kTlsError, "no TLS handshake in time"); return tellHandshakeOver();
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
    sendOutgoing();
    watchBelow();
    // What came right behind the handshake is in here already.
    return tellHandshakeOver();
  }
  const int reason = SSL_get_error(ssl_.get(), done);
  if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
    failBySsl("TLS handshake failed");
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
  watchBelow();
  if (state_ == State::Open && wantsWrite_ && (ahead() == 0 || sendError_ != 0)) observer_.onWritable();
}

void MemoryTlsStream::onReadable() {
  if (state_ != State::Handshaking) return observer_.onReadable();
  const IoResult got = takeFromBelow();
  if (got.status == IoStatus::Ok) return handshake();
  if (got.status == IoStatus::WouldBlock) return;
  if (got.status == IoStatus::End) {
    fail(kTlsError, "closed during the TLS handshake");
  } else {
    fail(got.error);
  }
  tellHandshakeOver();
}

IoResult MemoryTlsStream::takeFromBelow() {
  std::array<char, kReadBytes> buffer;
  const IoResult got = below_->read(buffer.data(), buffer.size());
  if (got.status == IoStatus::Ok) BIO_write(incoming_, buffer.data(), static_cast<int>(got.bytes));
  return got;
}

IoResult MemoryTlsStream::read(char* into, std::size_t capacity) {
  if (state_ == State::Failed) return {IoStatus::Failed, 0, error_};
  if (state_ != State::Open) return {IoStatus::WouldBlock, 0, 0};
  std::size_t total = 0;
  IoResult below{ended_ ? IoStatus::End : IoStatus::Ok, 0, 0};
  for (bool emptied = false; !ended_ && total < capacity;) {
    ERR_clear_error();
    const int room = static_cast<int>(std::min<std::size_t>(capacity - total, 1U << 30U));
    const int got = SSL_read(ssl_.get(), into + total, room);
    if (got > 0) {
      total += static_cast<std::size_t>(got);
      continue;
    }
    const int reason = SSL_get_error(ssl_.get(), got);
    if (reason == SSL_ERROR_ZERO_RETURN) {
      below.status = IoStatus::End;
      break;
    }
    if (reason != SSL_ERROR_WANT_READ) {
      failBySsl("TLS");
      below = {IoStatus::Failed, 0, error_};
      break;
    }
    if (emptied) break;
    below = takeFromBelow();
    if (below.status != IoStatus::Ok) break;
    emptied = below.bytes < kReadBytes;  // the system holds no more: it would not have to be asked
  }
  // An answer to what the peer has renewed in between, if anything. It goes on with the next write otherwise.
  if (state_ == State::Open && BIO_pending(outgoing_) > 0) {
    sendOutgoing();
    watchBelow();
  }
  if (total > 0) {
    // Whatever else there is to tell comes with the next call.
    const bool over = below.status == IoStatus::End || below.status == IoStatus::Failed;
    if (below.status == IoStatus::Failed && state_ == State::Open) fail(below.error);
    ended_ = below.status == IoStatus::End;
    return {IoStatus::Ok, total, 0, over || holdsMore()};
  }
  ended_ = below.status == IoStatus::End;
  if (below.status == IoStatus::Ok) below.status = IoStatus::WouldBlock;  // less than a record
  below.bytes = 0;
  return below;
}

IoResult MemoryTlsStream::write(std::span<const iovec> pieces) {
  if (state_ == State::Failed) return {IoStatus::Failed, 0, error_};
  if (sendError_ != 0) return {IoStatus::Failed, 0, sendError_};
  if (state_ != State::Open) return {IoStatus::WouldBlock, 0, 0};
  std::array<char, kRecordBytes> record;
  std::size_t total = 0;
  std::size_t filled = 0;
  const auto encrypt = [&] {
    if (filled == 0) return true;
    ERR_clear_error();
    if (SSL_write(ssl_.get(), record.data(), static_cast<int>(filled)) <= 0) {
      failBySsl("TLS");
      if (wantsRead_) remind();
      return false;
    }
    total += std::exchange(filled, 0);
    return true;
  };
  // What has been encrypted may have reached the peer, whatever has gone wrong since: that the next call
  // tells.
  const auto accepted = [&]() -> IoResult {
    if (total > 0) return {IoStatus::Ok, total, 0};
    if (state_ == State::Failed) return {IoStatus::Failed, 0, error_};
    if (sendError_ != 0) return {IoStatus::Failed, 0, sendError_};
    return {IoStatus::WouldBlock, 0, 0};
  };
  for (const iovec& piece : pieces) {
    for (std::size_t at = 0; at < piece.iov_len && ahead() < kMostAhead;) {
      const std::size_t part = std::min(record.size() - filled, piece.iov_len - at);
      std::memcpy(record.data() + filled, static_cast<const char*>(piece.iov_base) + at, part);
      filled += part;
      at += part;
      if (filled == record.size() && !encrypt()) return accepted();
    }
    if (ahead() >= kMostAhead) break;
  }
  if (encrypt()) sendOutgoing();
  watchBelow();
  return accepted();
}

void MemoryTlsStream::sendOutgoing() {
  while (sendError_ == 0) {
    if (restSent_ == rest_.size()) {
      restSent_ = 0;
      rest_.resize(static_cast<std::size_t>(BIO_pending(outgoing_)));
      if (rest_.empty()) {
        rest_.shrink_to_fit();
        return;
      }
      BIO_read(outgoing_, rest_.data(), static_cast<int>(rest_.size()));
    }
    const iovec piece{rest_.data() + restSent_, rest_.size() - restSent_};
    const IoResult sent = below_->write({&piece, 1});
    restSent_ += sent.bytes;
    if (sent.status == IoStatus::WouldBlock) return;
    if (sent.status == IoStatus::Failed) sendError_ = sent.error;
  }
}

TlsFacts MemoryTlsStream::facts() const {
  if (state_ != State::Open) return {};
  TlsFacts facts;
  facts.version = SSL_get_version(ssl_.get());
  facts.cipher = SSL_get_cipher_name(ssl_.get());
  facts.resumed = SSL_session_reused(ssl_.get()) == 1;
  X509* certificate = SSL_get1_peer_certificate(ssl_.get());
  if (certificate == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK) {
    X509_free(certificate);
    return facts;
  }
  facts.peerName = commonNameOf(certificate);
  facts.peerUri = uriOf(certificate);
  X509_free(certificate);
  return facts;
}

}  // namespace

std::unique_ptr<TlsStream> TlsStream::connect(Loop& loop, TlsContextPtr context, const std::string& name,
                                              const Address& numeric, Observer& observer, Millis patience,
                                              int& error) {
  auto stream = std::make_unique<MemoryTlsStream>(loop, std::move(context), observer, patience);
  if (!stream->demandName(name, numeric)) {
    error = EINVAL;
    return nullptr;
  }
  auto below = loop.connect(numeric, stream->below(), error);
  if (below == nullptr) return nullptr;
  stream->standOn(std::move(below));
  return stream;
}

std::unique_ptr<TlsStream> TlsStream::adopt(Loop& loop, TlsContextPtr context, int descriptor,
                                            Observer& observer, Millis patience) {
  auto stream = std::make_unique<MemoryTlsStream>(loop, std::move(context), observer, patience);
  auto below = loop.adopt(descriptor, stream->below());
  if (below == nullptr) return nullptr;
  stream->standOn(std::move(below));
  return stream;
}

}  // namespace slotless::net
