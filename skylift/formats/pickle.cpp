#include "skylift/formats/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/formats/pickle_stack.h"

namespace skylift {

namespace {
using Kind = PickleValue::Kind;
}  // namespace

const PickleValue* PickleValue::find(std::string_view key) const {
  const auto found = std::find_if(pairs.rbegin(), pairs.rend(), [&](const auto& pair) {
    return pair.first->kind == Kind::text && pair.first->text == key;
  });
  return found == pairs.rend() ? nullptr : found->second;
}

/// The stack machine that a pickle is a program for. One object a pickle: the memo does not outlive it.
class PickleMachine : private PickleStack {
 public:
  PickleMachine(PickleReader& reader, std::string_view bytes, size_t position)
      : PickleStack(reader.where_, reader.values_, bytes, position), reader_(reader) {}

  const PickleValue& run() {
    while (true) {
      begin_opcode();
      const auto opcode = number<uint8_t>();
      if (opcode == '.') return *pop();
      const bool done = literal(opcode) || text(opcode) || container(opcode) || memo(opcode) || object(opcode);
      if (!done) fail("opcode 0x{:02x} is not read", opcode);
    }
  }

  using PickleStack::position;

 private:
  // Opcodes.

  bool literal(uint8_t opcode) {
    switch (opcode) {
      case 0x80:
        return number<uint8_t>() <= 5 || (fail("a protocol beyond 5"), false);
      case 0x95:
        return take(8), true;  // the length of a frame: nothing here needs it
      case 'N':
        return push(Kind::none), true;
      case 0x88:
        return push(Kind::boolean).integer = 1, true;
      case 0x89:
        return push(Kind::boolean), true;
      case 'J':
        return push_integer(number<int32_t>()), true;
      case 'K':
        return push_integer(number<uint8_t>()), true;
      case 'M':
        return push_integer(number<uint16_t>()), true;
      case 'G':
        return push(Kind::real).real = std::bit_cast<double>(__builtin_bswap64(number<uint64_t>())), true;
      case 0x8a:
        return push_long(take(number<uint8_t>())), true;
      case 0x8b:
        return push_long(take(number<uint32_t>())), true;
      case 'I':
      case 'L':
        return push_decimal(line()), true;
      case 'F':
        return push(Kind::real).real = parse_number(line()).value_or(0), true;
      default:
        return false;
    }
  }

  void push_long(std::string_view bytes) {
    if (bytes.size() > 8) return push_text(Kind::bytes, bytes);
    const bool negative = !bytes.empty() && (static_cast<uint8_t>(bytes.back()) & 0x80);
    uint64_t value = negative ? ~uint64_t{0} : 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    push_integer(static_cast<int64_t>(value));
  }

  void push_decimal(std::string_view text) {
    if (text == "00" || text == "01") {
      push(Kind::boolean).integer = text == "01";
      return;
    }
    if (text.ends_with('L')) text.remove_suffix(1);
    const auto value = parse_integer(text);
    if (!value) fail("{} is no integer", in_quotes(text));
    push_integer(*value);
  }

  bool text(uint8_t opcode) {
    switch (opcode) {
      case 'X':
        return push_text(Kind::text, take(number<uint32_t>())), true;
      case 0x8c:
        return push_text(Kind::text, take(number<uint8_t>())), true;
      case 0x8d:
        return push_text(Kind::text, take(number<uint64_t>())), true;
      case 'T':
        return push_text(Kind::text, take(number<uint32_t>())), true;  // Python 2's str: names, mostly
      case 'U':
        return push_text(Kind::text, take(number<uint8_t>())), true;
      case 'B':
        return push_text(Kind::bytes, take(number<uint32_t>())), true;
      case 'C':
        return push_text(Kind::bytes, take(number<uint8_t>())), true;
      case 0x8e:
      case 0x96:
        return push_text(Kind::bytes, take(number<uint64_t>())), true;
      case 'V':
        return push_text(Kind::text, line()), true;
      case 'S': {
        std::string_view quoted = line();
        if (quoted.size() < 2 || quoted.front() != quoted.back()) fail("a text without quotes");
        return push_text(Kind::text, quoted.substr(1, quoted.size() - 2)), true;
      }
      default:
        return false;
    }
  }

  bool container(uint8_t opcode) {
    switch (opcode) {
      case '(':
        return mark(), true;
      case '0':
        return drop(), true;
      case '1':
        return pop_to_mark(), true;
      case '2':
        return push(top()), true;
      case ')':
      case ']':
      case 0x8f:
        return push(Kind::sequence), true;
      case '}':
        return push(Kind::dict), true;
      case 't':
      case 'l':
      case 0x91:
        return push(sequence(pop_to_mark())), true;
      case 0x85:
      case 0x86:
      case 0x87:
        return push(sequence(pop_items(opcode - 0x84))), true;
      case 'd': {
        const auto items = pop_to_mark();
        push(Kind::dict);
        return set_items(items), true;
      }
      case 's':
        return set_items(pop_items(2)), true;
      case 'u':
        return set_items(pop_to_mark()), true;
      case 'a':
        return append(pop_items(1)), true;
      case 'e':
      case 0x90:
        return append(pop_to_mark()), true;
      default:
        return false;
    }
  }

  void set_items(const std::vector<const PickleValue*>& items) {
    PickleValue* target = top();
    if (!target->is(Kind::dict) && !target->is(Kind::call)) fail("items set in something that is no dict");
    if (items.size() % 2 != 0) fail("a key without a value");
    for (size_t i = 0; i < items.size(); i += 2) target->pairs.emplace_back(items[i], items[i + 1]);
  }

  void append(const std::vector<const PickleValue*>& items) {
    PickleValue* target = top();
    if (!target->is(Kind::sequence) && !target->is(Kind::call)) fail("items added to something that is no list");
    target->items.insert(target->items.end(), items.begin(), items.end());
  }

  bool memo(uint8_t opcode) {
    switch (opcode) {
      case 'q':
        return memorise(number<uint8_t>()), true;
      case 'r':
        return memorise(number<uint32_t>()), true;
      case 'p':
        return memorise(memo_number(line())), true;
      case 0x94:
        return memorise_next(), true;
      case 'h':
        return recall(number<uint8_t>()), true;
      case 'j':
        return recall(number<uint32_t>()), true;
      case 'g':
        return recall(memo_number(line())), true;
      default:
        return false;
    }
  }

  bool object(uint8_t opcode) {
    switch (opcode) {
      case 'c': {
        const std::string_view module = line(), name = line();
        return push_global(module, name), true;
      }
      case 0x93: {
        const PickleValue *name = pop(), *module = pop();
        if (!name->is(Kind::text) || !module->is(Kind::text)) fail("a global whose name is no text");
        return push_global(module->text, name->text), true;
      }
      case 'R':
      case 0x81:
        return call(pop()), true;
      case 0x92:
        return pop(), call(pop()), true;  // the named arguments are dropped: nothing is called
      case 'i':
        return instance(), true;
      case 'o': {
        auto items = pop_to_mark();
        if (items.empty() || !items[0]->is(Kind::global)) fail("an object without a class");
        const std::string name = items[0]->text;
        items.erase(items.begin());
        return push_call(name, sequence(std::move(items))), true;
      }
      case 'b':
        return build(pop()), true;
      case 'Q':
        return push_persistent(pop()), true;
      case 'P':
        return push_text(Kind::text, line()), push_persistent(pop()), true;
      default:
        return false;
    }
  }

  void push_global(std::string_view module, std::string_view name) {
    const std::string global = fmt::format("{}.{}", module, name);
    if (!reader_.known_(global)) {
      throw Error(
          "{}: its pickle names {}, which no checkpoint of tensors needs; refused, nothing was run (hint: where you "
          "trust the file, save it again with torch.save(model.state_dict(), ...))",
          reader_.where_, in_quotes(global));
    }
    push_text(Kind::global, global);
  }

  void call(const PickleValue* arguments) {
    const PickleValue* callable = pop();
    if (!callable->is(Kind::global)) fail("a call of something that is no global");
    push_call(callable->text, arguments);
  }

  void push_call(const std::string& name, const PickleValue* arguments) {
    PickleValue& value = push(Kind::call);
    value.text = name;
    value.arguments = arguments;
  }

  void instance() {
    const std::string_view module = line(), name = line();
    const PickleValue* arguments = sequence(pop_to_mark());
    push_global(module, name);
    push_call(pop()->text, arguments);
  }

  void build(const PickleValue* state) { top()->state = state; }

  void push_persistent(const PickleValue* id) {
    PickleValue& value = push(Kind::persistent);
    value.arguments = id;
    reader_.persistent_.push_back(&value);
  }

  PickleReader& reader_;
};

const PickleValue& PickleReader::read(std::string_view bytes, size_t& position) {
  PickleMachine machine(*this, bytes, position);
  const PickleValue& value = machine.run();
  position = machine.position();
  return value;
}

}  // namespace skylift
