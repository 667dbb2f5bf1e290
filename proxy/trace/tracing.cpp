#include "proxy/trace/tracing.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "config/http_url.h"
#include "proxy/net/uv_loop.h"
#include "proxy/observe/trace_context.h"
#include "proxy/observe/trace_queue.h"
#include "proxy/trace/exporter.h"

namespace slotless::trace {

namespace {

// A process that is told to end has better things to do than to wait for a collector.
constexpr std::chrono::milliseconds kLongestEnd{2000};

// Different for each process that ever was; as a UUID of version 4.
std::string newInstanceId() {
  constexpr std::string_view kHex = "0123456789abcdef";
  observe::TraceId bytes = observe::newTraceId();
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0fU) | 0x40U);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3fU) | 0x80U);
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[bytes[i] >> 4U];
    text += kHex[bytes[i] & 0x0fU];
  }
  return text;
}

// Empty: the system does not tell.
std::string hostName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

std::optional<ExportSettings> settingsOf(const config::Config& config, const std::string& instanceId) {
  if (config.traceEndpoint.empty()) return std::nullopt;
  auto url = config::parseHttpUrl(config.traceEndpoint);
  if (!url.value) return std::nullopt;  // it has been checked
  return ExportSettings{std::move(*url.value),
                        {config.traceServiceName, SLOTLESS_VERSION, instanceId, hostName(),
                         static_cast<std::uint64_t>(getpid())}};
}

}  // namespace

class Tracing::Sender {
 public:
  Sender()
      : exporter_(loop_, observe::TraceQueue::ofProcess(),
                  [this](std::uint32_t bound) { return static_cast<std::uint32_t>(random_()) % bound; }),
        thread_([this] { loop_.run(); }) {
    pthread_setname_np(thread_.native_handle(), "traces");
  }
  ~Sender() {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  void use(const config::Config& config) {
    loop_.post([this, settings = settingsOf(config, instanceId_)] { exporter_.use(settings); });
  }

  // Waits for the thread's end.
  void end(std::chrono::milliseconds patience) {
    loop_.post([this, patience] {
      deadline_ = loop_.makeTimer([this] { loop_.stop(); });
      deadline_->start(patience);
      exporter_.flush([this] { loop_.stop(); });
    });
    thread_.join();
  }

 private:
  const std::string instanceId_ = newInstanceId();
  std::minstd_rand random_{std::random_device()()};
  net::UvLoop loop_;
  std::unique_ptr<net::Timer> deadline_;
  Exporter exporter_;
  std::thread thread_;
};

Tracing::Tracing() = default;
Tracing::~Tracing() = default;

void Tracing::use(const config::Config& config) {
  patience_ = std::min<std::chrono::milliseconds>(config.shutdownTimeout, kLongestEnd);
  if (sender_ == nullptr && config.traceEndpoint.empty()) return;
  if (sender_ == nullptr) sender_ = std::make_unique<Sender>();
  sender_->use(config);
}

void Tracing::end() {
  if (sender_ != nullptr && patience_.count() > 0) sender_->end(patience_);
  sender_.reset();
}

}  // namespace slotless::trace
