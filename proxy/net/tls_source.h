// What new TLS connections are made with, for all who make them: whoever reads certificates anew puts another
// context in its place, and connections that stand keep theirs.
//
// Thread-safe. There always is a context: nobody who is given a source goes on without encryption.
#pragma once
#include <memory>
#include <mutex>
#include <utility>

#include "proxy/net/tls_context.h"

namespace slotless::net {

class TlsSource {
 public:
  explicit TlsSource(TlsContextPtr context) : context_(std::move(context)) {}

  TlsContextPtr current() const {
    const std::lock_guard guard(mutex_);
    return context_;
  }
  void renew(TlsContextPtr context) {
    const std::lock_guard guard(mutex_);
    context_.swap(context);
  }

 private:
  mutable std::mutex mutex_;
  TlsContextPtr context_;
};

using TlsSourcePtr = std::shared_ptr<const TlsSource>;

}  // namespace slotless::net
