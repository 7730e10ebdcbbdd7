// What of an archive that a container sends may be unpacked here: files and folders. A container
// may send anything, and a link that one copy leaves behind is where the next one would write.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace skiff::cli {

// Takes the archive as it comes, and gives away what is left of it, byte by byte as it was.
class TarFilter {
 public:
  // What is left out; `link` is where a symbolic one leads, and empty for what is none.
  using Skipped = std::function<void(const std::string& name, const std::string& link)>;

  // `root`: the path that is copied, without slashes in front. Another name of a file (a hard link)
  // stays where that is below it.
  TarFilter(std::string root, std::function<void(std::string_view)> out, Skipped skipped)
      : root_(std::move(root)), out_(std::move(out)), skipped_(std::move(skipped)) {}

  void Take(std::string_view bytes);
  // Whether something came that nobody can be sure of what a tar would make of it. Nothing is given
  // away from there on.
  bool failed() const { return failed_; }
  // Whether the archive has come to its end; what may follow fills a record.
  bool ended() const { return ended_; }
  // Whether its first entry is a file that is called as the root is: what is copied is no folder.
  // Known before anything is given away.
  bool is_of_file() const { return is_of_file_; }
  // Whether an entry has gone through, or is about to.
  bool has_entries() const { return has_entries_; }

 private:
  // What is said of the next entry by those before it.
  struct Said {
    std::string name;
    std::string link;
    std::string size;
    std::string by;  // The types of those.
  };

  void TakeHeader();
  void TakeEntry(uint64_t size, char type);
  void EndNote();
  bool ReadPax(std::string_view records);
  bool MayLink(const std::string& target) const;

  const std::string root_;
  const std::function<void(std::string_view)> out_;
  const Skipped skipped_;
  std::string header_;     // As much of the next one as has come.
  std::string notes_;      // Entries about the next one, whole.
  size_t note_at_ = 0;     // Where in them the last one's content begins.
  uint64_t note_size_ = 0;
  uint64_t left_ = 0;      // Of a content, its padding with it.
  char type_ = '0';        // Whose content that is.
  bool passes_ = true;     // Whether it goes through.
  bool failed_ = false;
  bool ended_ = false;
  bool has_begun_ = false;
  bool is_of_file_ = false;
  bool has_entries_ = false;
  Said said_;
};

}  // namespace skiff::cli
