#include "proxy/net/file_watch.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace slotless::net {

namespace {

// Which file it is, and in which state. Of one that cannot be looked at, only why.
struct Appearance {
  int error = 0;
  dev_t device = 0;
  ino_t number = 0;
  off_t size = 0;
  std::array<std::int64_t, 4> times{};

  bool operator==(const Appearance&) const = default;
};

Appearance appearanceOf(const std::string& path) {
  struct stat found {};
  Appearance appearance;
  if (::stat(path.c_str(), &found) != 0) {
    appearance.error = errno;
    return appearance;
  }
  appearance.device = found.st_dev;
  appearance.number = found.st_ino;
  appearance.size = found.st_size;
  appearance.times = {found.st_mtim.tv_sec, found.st_mtim.tv_nsec, found.st_ctim.tv_sec,
                      found.st_ctim.tv_nsec};
  return appearance;
}

FileContent contentOf(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return {{}, std::strerror(errno)};
  std::string text;
  std::array<char, 4096> chunk;
  ssize_t length = 0;
  while (text.size() <= FileWatch::kLongest && (length = ::read(descriptor, chunk.data(), chunk.size())) > 0)
    text.append(chunk.data(), static_cast<std::size_t>(length));
  const int error = length < 0 ? errno : 0;
  ::close(descriptor);
  if (error != 0) return {{}, std::strerror(error)};
  if (text.size() > FileWatch::kLongest) return {{}, "the file is larger than 64 KiB"};
  return {std::move(text), ""};
}

// Signals are for the thread that waits for them.
void beginWatchThread() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  pthread_setname_np(pthread_self(), "file-watch");
}

}  // namespace

// Where the thread leaves what it has read.
struct FileWatch::Desk {
  std::mutex mutex;
  std::condition_variable left;
  Loop* loop = nullptr;  // nullptr: nobody wants to be told any more
  Told told;             // the loop's
};

FileWatch::FileWatch(Loop& loop, std::string path, Told told, Millis interval)
    : desk_(std::make_shared<Desk>()) {
  desk_->loop = &loop;
  desk_->told = std::move(told);
  try {
    std::thread([desk = desk_, path = std::move(path), interval] {
      beginWatchThread();
      look(desk, path, interval);
    }).detach();
  } catch (const std::system_error& failure) {
    tell(desk_, {{}, failure.what()});
  }
}

FileWatch::~FileWatch() {
  const std::lock_guard guard(desk_->mutex);
  desk_->loop = nullptr;
  desk_->told = nullptr;
  desk_->left.notify_all();
}

void FileWatch::look(const std::shared_ptr<Desk>& desk, const std::string& path, Millis interval) {
  std::optional<Appearance> known;
  while (true) {
    const Appearance appearance = appearanceOf(path);
    if (!known || *known != appearance) {
      known = appearance;
      tell(desk, contentOf(path));  // of this state, or of a later one that the next look will find
    }
    std::unique_lock guard(desk->mutex);
    if (desk->left.wait_for(guard, interval, [&] { return desk->loop == nullptr; })) return;
  }
}

void FileWatch::tell(const std::shared_ptr<Desk>& desk, FileContent content) {
  const std::lock_guard guard(desk->mutex);
  if (desk->loop == nullptr) return;
  desk->loop->post([desk, content = std::move(content)] {
    const Told told = desk->told;  // a copy: it may destroy the watch
    if (told != nullptr) told(content);
  });
}

}  // namespace slotless::net
