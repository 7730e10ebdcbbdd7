// Where in a document something is wrong, as Kubernetes writes it: spec.containers[0].env[2].name.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

class FieldPath {
 public:
  FieldPath() = default;
  explicit FieldPath(std::string_view root) : text_(root) {}
  FieldPath Child(std::string_view name) const {
    return FieldPath(text_.empty() ? std::string(name) : text_ + "." + std::string(name), 0);
  }
  FieldPath Index(size_t index) const {
    return FieldPath(text_ + "[" + std::to_string(index) + "]", 0);
  }
  FieldPath Key(std::string_view key) const {
    return FieldPath(text_ + "[" + std::string(key) + "]", 0);
  }
  // "<nil>" for the root, as Go prints a nil path.
  std::string Text() const { return text_.empty() ? "<nil>" : text_; }

 private:
  FieldPath(std::string text, int) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace skiff
