// TlsStream as it is: OpenSSL between two buffers in memory, on top of another stream. For the files of TLS
// only.
#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "proxy/net/tls_counts.h"
#include "proxy/net/tls_private.h"
#include "proxy/net/tls_stream.h"

namespace slotless::net {

class MemoryTlsStream final : public TlsStream, private Stream::Observer {
 public:
  MemoryTlsStream(Loop& loop, TlsContextPtr context, Stream::Observer& observer, Millis patience)
      : loop_(loop), context_(std::move(context)), observer_(observer), ssl_(SSL_new(context_->ssl.get())) {
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
    wantsRead_ = context_->isServer;  // as those that Loop::adopt() makes
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
  std::size_t unsent() const override { return ahead(); }
  void endWriting() override;
  std::string encryption() const override;
  TlsFacts facts() const override;
  const PeerNames* peerNames() const override { return names_.get(); }

 private:
  enum class State : std::uint8_t { Connecting, Handshaking, Open, Failed };

  // tls_handshake.cpp
  void onReadable() override;
  void onWritable() override;
  void onTimer();
  void handshake();
  // tls_stream.cpp: one read of the stream below.
  IoResult takeFromBelow();
  // What has been encrypted goes as far as it does.
  void sendOutgoing();
  // The end of what is written, once all has gone.
  void passOnEnd();
  TlsSide side() const { return context_->isServer ? TlsSide::Clients : TlsSide::Nodes; }
  // Memory of OpenSSL grows with what it has held once, and an idle connection is to hold none.
  static void giveBack(BIO* bio);
  bool holdsMore() const { return SSL_pending(ssl_.get()) > 0 || BIO_pending(incoming_) > 0; }
  std::size_t ahead() const {
    return rest_.size() - restSent_ + static_cast<std::size_t>(BIO_pending(outgoing_));
  }
  void watchBelow();
  void fail(int error, std::string text = {});
  void failBySsl();
  // The handshake, for that reason.
  void failAs(TlsFailure reason, const std::string& why);
  void count(TlsFailure reason, const std::string& why) const;
  // False: the other side speaks something else, and has been told so.
  bool speaksTls();
  // Whoever waits for the handshake hears that it is over; this may be gone afterwards.
  void tellHandshakeOver();

  Loop& loop_;
  const TlsContextPtr context_;
  std::string dialled_;  // by a client
  std::unique_ptr<const PeerNames> names_;
  Stream::Observer& observer_;
  std::unique_ptr<SSL, SslFree> ssl_;
  BIO* incoming_;  // encrypted bytes from the peer
  BIO* outgoing_;  // and for it
  std::unique_ptr<Stream> below_;
  // The deadline of the handshake; afterwards, a call that is owed: see remind().
  std::unique_ptr<Timer> timer_;
  State state_ = State::Connecting;
  bool spokenTo_ = false;  // by the peer, with its first bytes
  bool ended_ = false;     // by the peer; the other direction may go on
  bool ending_ = false;    // by us: the other direction may go on
  int sendError_ = 0;      // nothing goes any more, but what has come before can be read
  int error_ = 0;          // nothing at all goes any more
  std::string failure_;    // in words, if error_ is kTlsError
  std::string rest_;       // taken out of outgoing_, and not all sent
  std::size_t restSent_ = 0;
  bool wantsRead_ = false;
  bool wantsWrite_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slotless::net
