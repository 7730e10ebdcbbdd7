// Objects and patches between two parts of one process, as the structs that they are.
//
//   request.handed = std::make_shared<HandedObject>(core_v1::Pod::Describe(), Borrowed(&pod));
//   ...
//   if (const void* pod = HandedAs(request.handed.get(), core_v1::Pod::Describe())) ...
//   else Decode(request.Body());  // The same as text.
//
// A text is exacter than a struct in two things: its times have no fractions of seconds, and it is
// UTF-8. Who takes a struct that somebody else has made takes it as its text would have been read
// (CopyAsRead).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/codec/struct_ptr.h"
#include "api/codec/typed.h"
#include "api/type.h"
#include "base/handed.h"

namespace skiff {

// An object that is there for as long as the call goes.
inline std::shared_ptr<const void> Borrowed(const void* object) {
  return {std::shared_ptr<const void>(), object};
}

class HandedObject final : public Handed {
 public:
  // `object` is a generated struct of that type. `text_bytes`: as long is its text, where that is
  // known.
  HandedObject(const Type& type, std::shared_ptr<const void> object, size_t text_bytes = 0)
      : type_(type), object_(std::move(object)), text_bytes_(text_bytes) {}
  const Type& type() const { return type_; }
  const std::shared_ptr<const void>& object() const { return object_; }
  const std::string& Text() const override;
  size_t TextBytes() const override { return text_bytes_ > 0 ? text_bytes_ : Text().size(); }

 private:
  const Type& type_;
  const std::shared_ptr<const void> object_;
  const size_t text_bytes_;
  mutable std::optional<std::string> text_;
};

// A patch, and what it makes of the object, or of one member of it, as that is in one version.
class HandedPatch final : public Handed {
 public:
  using MakeText = std::function<std::string()>;
  struct Member {
    const Type& type;
    std::shared_ptr<const void> value;
    void (*put)(void* object, void* value);  // Moves it into the object.
  };
  // `version`: a resourceVersion.
  HandedPatch(const Type& type, std::shared_ptr<const void> changed, std::string version,
              MakeText text)
      : type_(type),
        changed_(std::move(changed)),
        version_(std::move(version)),
        make_text_(std::move(text)) {}
  // All of the object but that member stays as it is.
  HandedPatch(const Type& type, Member changed, std::string version, MakeText text)
      : type_(type),
        member_(std::move(changed)),
        version_(std::move(version)),
        make_text_(std::move(text)) {}
  // The object as it is to be, its managedFields aside; nullptr where it is not known, or only the
  // text can tell, because it is another version, or another kind.
  const void* ChangedFrom(const Type& type, const std::string& version) const;
  // The same of the only member that changes.
  const Member* MemberChangedFrom(const Type& type, const std::string& version) const;
  const std::string& Text() const override;

 private:
  bool IsOf(const Type& type, const std::string& version) const {
    return &type == &type_ && !version.empty() && version == version_;
  }

  const Type& type_;
  const std::shared_ptr<const void> changed_;
  const std::optional<Member> member_;
  const std::string version_;
  const MakeText make_text_;
  mutable std::optional<std::string> text_;
};

// The struct, where it is an object of that type; else nullptr.
const void* HandedAs(const Handed* handed, const Type& type);
// The same with a share in it.
std::shared_ptr<const void> SharedAs(const Handed* handed, const Type& type);
template <ApiType T>
const T* HandedAs(const Handed* handed) {
  return static_cast<const T*>(HandedAs(handed, T::Describe()));
}

// What is read from the text of that struct. Fails with what the text would be refused for.
Result<StructPtr> CopyAsRead(const Type& type, const void* object);
// Cuts off the fractions of seconds that the object's text would not have.
void RoundTimes(const Type& type, void* object);

}  // namespace skiff
