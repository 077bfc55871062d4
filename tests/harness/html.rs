//! As much of HTML as it takes to fill in the forms of these pages and to read them.

/// A form as a browser would send it, untouched.
#[derive(Debug, Clone)]
pub struct Form {
    pub action: String,
    pub method: String,
    /// Fields with their present values, in the order of the page.
    pub fields: Vec<(String, String)>,
    /// What the page offers and a browser would not send by itself: boxes not ticked, named buttons.
    pub offered: Vec<(String, String)>,
}

impl Form {
    /// Gives `name` these values in place of those it has.
    pub fn fill(mut self, fields: &[(&str, &str)]) -> Self {
        self.fields.retain(|(name, _)| !fields.iter().any(|(filled, _)| filled == name));
        self.fields.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

pub fn forms(html: &str) -> Vec<Form> {
    let parts = html.split("<form").skip(1);
    parts.map(|part| form(part.split("</form>").next().unwrap_or(part))).collect()
}

fn form(html: &str) -> Form {
    let opening = html.split('>').next().unwrap_or("");
    let mut form = Form {
        action: attribute(opening, "action").unwrap_or_default(),
        method: attribute(opening, "method").unwrap_or_default(),
        fields: Vec::new(),
        offered: Vec::new(),
    };
    for tag in html.split('<').skip(1) {
        let (kind, rest) = tag.split_once(|c: char| c.is_whitespace() || c == '>').unwrap_or((tag, ""));
        let rest = opening_of(rest);
        let Some(name) = attribute(rest, "name") else { continue };
        let value = attribute(rest, "value").unwrap_or_default();
        let boxed = matches!(attribute(rest, "type").as_deref(), Some("checkbox" | "radio"));
        match kind {
            "input" if boxed && !rest.split_whitespace().any(|word| word == "checked") => {
                form.offered.push((name, value));
            }
            "input" => form.fields.push((name, value)),
            "button" => form.offered.push((name, value)),
            _ => {}
        }
    }
    form
}

/// The inside of a tag, up to the `>` that is in no quotes.
fn opening_of(rest: &str) -> &str {
    let mut quoted = false;
    let end = rest.find(|c| {
        quoted ^= c == '"';
        c == '>' && !quoted
    });
    &rest[..end.unwrap_or(rest.len())]
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = format!(" {}", tag.trim());
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = &tag[start..];
    Some(decode(&value[..value.find('"')?]))
}

pub fn links(html: &str) -> Vec<String> {
    html.split("<a ").skip(1).filter_map(|tag| attribute(opening_of(tag), "href")).collect()
}

pub fn link(html: &str, label: &str) -> Option<String> {
    html.split("<a ").skip(1).find_map(|tag| {
        let opening = opening_of(tag);
        let inner = tag[opening.len()..].strip_prefix('>')?.split("</a>").next()?;
        (text(inner) == label).then(|| attribute(opening, "href"))?
    })
}

/// What a person reads: no tags, entities decoded, single spaces.
pub fn text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut inside = false;
    for letter in html.chars() {
        match letter {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                text.push(' ');
            }
            letter if !inside => text.push(letter),
            _ => {}
        }
    }
    let words = decode(&text).split_whitespace().collect::<Vec<_>>().join(" ");
    words.replace(" .", ".").replace(" ,", ",")
}

fn decode(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2F;", "/"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_a_browser_would_send_it() {
        let html = r#"<form method="post" action="/a&#x2F;b"><input type="hidden" name="csrf" value="x&quot;&gt;y">
            <input name="n" value=""><input type="checkbox" name="c" value="1"><input type="radio" name="r" value="2" checked>
            <button name="only" value="3">End</button></form>"#;
        let [form] = &forms(html)[..] else { panic!("one form") };
        assert_eq!((form.action.as_str(), form.method.as_str()), ("/a/b", "post"));
        assert_eq!(form.field("csrf"), Some("x\">y"));
        assert_eq!((form.field("n"), form.field("c"), form.field("r")), (Some(""), None, Some("2")));
        assert_eq!(form.offered, [("c".to_owned(), "1".to_owned()), ("only".to_owned(), "3".to_owned())]);
        let filled = form.clone().fill(&[("c", "1"), ("n", "Ada")]);
        assert_eq!(filled.fields.first().map(|(name, _)| name.as_str()), Some("csrf"), "the token stays first");
        assert_eq!(text("<b>1</b> of &lt;2&gt;"), "1 of <2>");
    }
}
