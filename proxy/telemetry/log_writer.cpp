#include "proxy/telemetry/log_writer.h"

#include <poll.h>
#include <pthread.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <thread>

namespace slotless::log::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::array kSpdlogLevels = {spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                                      spdlog::level::warn, spdlog::level::err};

struct FormatRow {
  const char* pattern;
  std::string (*format)(Level, std::string_view, std::span<const Field>);
};

constexpr std::array<FormatRow, 2> kFormats = {
    {{"%Y-%m-%dT%H:%M:%S.%eZ %v", formatLine}, {"{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v", formatJson}}};

spdlog::level::level_enum levelOf(Level level) noexcept {
  return kSpdlogLevels[static_cast<std::size_t>(level)];
}

// Signals are for the thread that waits for them.
void beginThread() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  pthread_setname_np(pthread_self(), "log");
}

// False: the descriptor does not take it, and never will. Blocks for as long as its reader does: the
// descriptor is shared with other processes, so it is not made non-blocking, but somebody else may have.
bool writeAll(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, bytes.data(), bytes.size());
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd ready{STDERR_FILENO, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

class Writer {
 public:
  Writer() : pool_(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1, beginThread)) {
    for (std::size_t i = 0; i < kFormats.size(); ++i) {
      auto sink = std::make_shared<Sink>(*this, kFormats[i]);
      sink->set_formatter(
          std::make_unique<spdlog::pattern_formatter>(kFormats[i].pattern, spdlog::pattern_time_type::utc));
      loggers_[i] = std::make_shared<spdlog::async_logger>("slotless", std::move(sink), pool_,
                                                           spdlog::async_overflow_policy::overrun_oldest);
      loggers_[i]->set_level(spdlog::level::trace);  // who posts has decided already
      // spdlog's own would write to stderr, on the thread that logs.
      loggers_[i]->set_error_handler([this](const std::string&) { failed_.fetch_add(1); });
    }
  }

  void post(Level level, Format format, std::string_view line) {
    posted_.fetch_add(1);
    loggers_[static_cast<std::size_t>(format)]->log(levelOf(level),
                                                    spdlog::string_view_t(line.data(), line.size()));
  }

  bool wait(std::chrono::milliseconds atMost) {
    const auto deadline = std::chrono::steady_clock::now() + atMost;
    const std::uint64_t wanted = posted_.load();
    while (written_.load() + lost() < wanted) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      std::this_thread::sleep_for(1ms);
    }
    return true;
  }

  std::uint64_t lost() { return failed_.load() + pool_->overrun_counter(); }

 private:
  // A line is one write. Runs on the writer's thread only.
  class Sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
   public:
    Sink(Writer& writer, const FormatRow& format) : writer_(writer), format_(format) {}

   protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
      if (const std::uint64_t lost = writer_.pool_->overrun_counter(); lost != writer_.told_) tellLost(lost);
      const bool done = put(message);
      (done ? writer_.written_ : writer_.failed_).fetch_add(1);
    }
    void flush_() override {}

   private:
    bool put(const spdlog::details::log_msg& message) {
      spdlog::memory_buf_t text;
      formatter_->format(message, text);
      return writeAll({text.data(), text.size()});
    }
    void tellLost(std::uint64_t lost) {
      const Field field{"count", lost - writer_.told_};
      const std::string line = format_.format(Level::Warn, "log lines lost", {&field, 1});
      const spdlog::details::log_msg message("slotless", spdlog::level::warn,
                                             spdlog::string_view_t(line.data(), line.size()));
      if (put(message)) writer_.told_ = lost;
    }

    Writer& writer_;
    const FormatRow& format_;
  };

  std::shared_ptr<spdlog::details::thread_pool> pool_;
  // One for each format, so that a line that has been made in the old format also ends in it.
  std::array<std::shared_ptr<spdlog::async_logger>, kFormats.size()> loggers_;
  std::atomic<std::uint64_t> posted_{0};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::uint64_t told_ = 0;  // lost lines that the reader knows of; of the writer's thread
};

Writer& writer() {
  static auto* const kInstance = new Writer;
  return *kInstance;
}

}  // namespace

void post(Level level, Format format, std::string_view line) {
  writer().post(level, format, line);
}

void startWriter() {
  writer();
}

bool waitForWriter(std::chrono::milliseconds atMost) {
  return writer().wait(atMost);
}

std::uint64_t lostLines() noexcept {
  return writer().lost();
}

}  // namespace slotless::log::detail
