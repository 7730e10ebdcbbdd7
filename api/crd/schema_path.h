// Where in a definition's schema something stands. A walk makes a path of each place, and names may
// be as long as the definition: of a long path those below it share what they begin with, so that a
// walk costs the length of the schema, and a whole text is made for whoever tells of the place.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api/select/field_path.h"

namespace skiff::crd {

class SchemaPath {
 public:
  explicit SchemaPath(const FieldPath& root) : SchemaPath(nullptr, root.Text()) {}
  SchemaPath Child(std::string_view name) const { return Longer(".", name, ""); }
  SchemaPath Index(size_t index) const { return Key(std::to_string(index)); }
  SchemaPath Key(std::string_view key) const { return Longer("[", key, "]"); }

  std::string Text() const {
    std::string text;
    AppendTo(text);
    return text;
  }
  operator FieldPath() const { return FieldPath(Text()); }  // NOLINT: as it is told.

 private:
  // Paths that people write stay below it, so that they are one text.
  static constexpr size_t kSharedMin = 512;

  SchemaPath(std::shared_ptr<const SchemaPath> beginning, std::string end)
      : beginning_(std::move(beginning)), end_(std::move(end)) {
    if (end_.size() < kSharedMin) return;
    beginning_ = std::make_shared<const SchemaPath>(*this);
    end_.clear();
  }
  SchemaPath Longer(std::string_view before, std::string_view name, std::string_view after) const {
    std::string end;
    end.reserve(end_.size() + name.size() + 2);
    end.append(end_).append(before).append(name).append(after);
    return SchemaPath(beginning_, std::move(end));
  }
  // No deeper than the walk that made it.
  void AppendTo(std::string& text) const {
    if (beginning_ != nullptr) beginning_->AppendTo(text);
    text += end_;
  }

  std::shared_ptr<const SchemaPath> beginning_;
  std::string end_;
};

}  // namespace skiff::crd
