#include "api/cel/text_lists.h"

#include <utility>

#include "api/cel/made_bytes.h"

namespace skiff::cel {

class PartsList final : public ListValue {
 public:
  PartsList(Value whole, std::vector<TextParts::Part> parts)
      : whole_(std::move(whole)), parts_(std::move(parts)) {}
  size_t Size() const override { return parts_.size(); }
  Value At(size_t index) const override {
    const TextParts::Part& part = parts_[index];
    return Value::PartOf(whole_, whole_.text().substr(part.begin, part.size));
  }
  size_t Bytes() const override {
    return sizeof *this + parts_.capacity() * sizeof(TextParts::Part);
  }

 private:
  const Value whole_;
  const std::vector<TextParts::Part> parts_;
};

namespace {

class TextsList final : public ListValue, public std::enable_shared_from_this<TextsList> {
 public:
  explicit TextsList(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  size_t Size() const override { return texts_.size(); }
  Value At(size_t index) const override {
    return Value::StringIn(shared_from_this(), texts_[index]);
  }
  size_t Bytes() const override {
    size_t bytes = sizeof *this + texts_.capacity() * sizeof(std::string);
    for (const std::string& text : texts_) bytes += text.capacity();
    return bytes;
  }

 private:
  const std::vector<std::string> texts_;
};

}  // namespace

bool TextParts::MayGrow(size_t count) {
  is_refused_ = is_refused_ || !MakeScratch(count * sizeof(Part));
  return !is_refused_;
}

void TextParts::Reserve(size_t count) {
  if (MayGrow(count)) parts_.reserve(count);
}

Value TextParts::List() && {
  if (IsTooLong()) return Value::Error(kListTooLong);
  return Value::List(std::make_shared<PartsList>(whole_, std::move(parts_)));
}

Value ListOfTexts(std::vector<std::string> texts) {
  return Value::List(std::make_shared<TextsList>(std::move(texts)));
}

}  // namespace skiff::cel
