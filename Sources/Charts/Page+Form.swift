extension Page {
    /// Fields to fill in and a button that leads to a page with them.
    package struct Form: Sendable {
        /// Something to fill in.
        package enum Input: Sendable {
            /// A line of text: the field, what it is, what stands in it.
            case line(String, label: String, value: String, hint: String = "")
            /// One of several: the field, what it is, pairs of values and names, which one is chosen.
            case choice(String, label: String, options: [(value: String, name: String)], value: String)
            /// A value that is sent along.
            case hidden(String, value: String)
        }

        /// Where the button leads.
        package let action: Link
        /// What can be filled in.
        package let inputs: [Input]
        /// What stands on the button.
        package let button: String

        /// A form.
        package init(action: Link, inputs: [Input], button: String) {
            self.action = action
            self.inputs = inputs
            self.button = button
        }

        /// The form in HTML.
        var html: String {
            let fields = inputs.map { input in
                switch input {
                case .line(let name, let label, let value, let hint):
                    "<label>\(Markup.escaped(label)) <input type=\"search\" name=\"\(Markup.escaped(name))\" "
                        + "value=\"\(Markup.escaped(value))\" placeholder=\"\(Markup.escaped(hint))\" maxlength=\"1000\" "
                        + "autocomplete=\"off\" spellcheck=\"false\"></label>\n"
                case .choice(let name, let label, let options, let value):
                    "<label>\(Markup.escaped(label)) <select name=\"\(Markup.escaped(name))\">"
                        + options.map { option in
                            "<option value=\"\(Markup.escaped(option.value))\"\(option.value == value ? " selected" : "")>"
                                + "\(Markup.escaped(option.name))</option>"
                        }.joined() + "</select></label>\n"
                case .hidden(let name, let value):
                    "<input type=\"hidden\" name=\"\(Markup.escaped(name))\" value=\"\(Markup.escaped(value))\">\n"
                }
            }
            return "<form class=\"fields\" action=\"\(Markup.escaped(action.target))\">\n\(fields.joined())"
                + "<button>\(Markup.escaped(button))</button>\n</form>\n"
        }
    }
}
