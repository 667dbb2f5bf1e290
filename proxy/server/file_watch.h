// Tells when files have been written or replaced, by what their names lead to: so a symbolic link that is
// turned to another folder is a change, too. Does not read them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace slotless::server {

class FileWatch {
 public:
  // They are about to be read. Empty names are left out.
  void begin(std::vector<std::string> files);
  // Now and then. True: they are others than those that were read, and the same as at the last look, since
  // several files are not written at once; from now on these count as read.
  bool look();

 private:
  // All zero: there is no such file.
  struct Signature {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modifiedNanos = 0;
    std::int64_t changedNanos = 0;
    bool operator==(const Signature&) const = default;
  };
  static Signature signatureOf(const std::string& file);
  std::vector<Signature> signatures() const;

  std::vector<std::string> files_;
  std::vector<Signature> read_;
  std::vector<Signature> seen_;
};

}  // namespace slotless::server
