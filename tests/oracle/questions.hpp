// Random filters, over all protocols' fields and all operators, with values that occur in the traffic, are near to
// such, or are neither.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/oracle/random.hpp"
#include "tests/oracle/story.hpp"

namespace iris::oracle {

class Questions {
 public:
  // About what happens in the stories: some of the fields, so that filters often ask for the same.
  Questions(std::span<const Story> stories, Random& random);

  [[nodiscard]] std::string filter(Random& random) const;
  // That filters name.
  [[nodiscard]] const Files& files() const { return files_; }

 private:
  struct Asked {
    const parsers::Protocol* protocol = nullptr;
    const parsers::Field* field = nullptr;
    std::string name;  // "tls.sni"
    std::vector<Value> seen;
  };

  [[nodiscard]] std::string expression(Random& random, int depth) const;
  [[nodiscard]] std::string atom(Random& random) const;
  [[nodiscard]] std::string about_field(Random& random) const;
  [[nodiscard]] std::string about(Random& random, const Asked& asked) const;
  [[nodiscard]] std::string about_no_session(Random& random) const;
  [[nodiscard]] std::string comparison(Random& random, const Asked& asked, const std::string& subject) const;
  [[nodiscard]] std::string text_comparison(Random& random, const Asked& asked) const;
  [[nodiscard]] std::string text(Random& random, const Asked& asked) const;
  [[nodiscard]] std::uint64_t number(Random& random, const Asked& asked) const;
  [[nodiscard]] std::string member(Random& random, const Asked& asked) const;
  [[nodiscard]] std::string set(Random& random, const Asked& asked, const auto& one) const;

  std::vector<std::string> protocols_;  // that connections may have
  std::vector<Asked> asked_;
  Files files_;
};

}  // namespace iris::oracle
