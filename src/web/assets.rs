//! Templates and static files, inside the binary.

use std::collections::HashMap;

use rocket::http::{ContentType, Status};
use rocket::response::{self, Responder};
use rocket::{Request, Response, Route, get, routes};
use rocket_dyn_templates::tera::{self, Value};
use rocket_dyn_templates::{Engines, Template};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::domain::id::hex;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Templates;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Static;

/// Tells the template engine of every template and of the function `asset`.
pub fn templates() -> impl rocket::fairing::Fairing {
    Template::try_custom(|engines: &mut Engines| {
        let mut templates = Vec::new();
        for path in Templates::iter() {
            let file = Templates::get(&path).ok_or_else(|| format!("the template {path} is gone"))?;
            // The name must end in .html: only such templates are escaped and served as HTML.
            let name = path.strip_suffix(".tera").unwrap_or(&path).to_owned();
            templates.push((name, String::from_utf8(file.data.into_owned())?));
        }
        engines.tera.add_raw_templates(templates)?;
        engines.tera.register_function("asset", Asset);
        Ok(())
    })
}

/// `asset(path="app.css")`: where that file is, with its content's hash, so that it may be kept for ever.
struct Asset;

impl tera::Function for Asset {
    fn call(&self, arguments: &HashMap<String, Value>) -> tera::Result<Value> {
        let path = arguments.get("path").and_then(Value::as_str).ok_or("asset: say path=\"…\"")?;
        let file = Static::get(path).ok_or_else(|| tera::Error::msg(format!("asset: there is no static/{path}")))?;
        Ok(Value::String(format!("/static/{path}?v={}", version(&file))))
    }

    /// Names of our own files hold nothing to escape.
    fn is_safe(&self) -> bool {
        true
    }
}

fn version(file: &EmbeddedFile) -> String {
    hex(&file.metadata.sha256_hash()[..8])
}

pub fn routes() -> Vec<Route> {
    routes![file]
}

struct File {
    path: String,
    content: EmbeddedFile,
    versioned: bool,
}

#[get("/static/<path..>?<v>")]
fn file(path: std::path::PathBuf, v: Option<&str>) -> Option<File> {
    let path = path.to_str()?.to_owned();
    let file = Static::get(&path)?;
    let versioned = v.is_some_and(|v| v == version(&file));
    Some(File { path, content: file, versioned })
}

impl<'r> Responder<'r, 'static> for File {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let kind = self.path.rsplit('.').next().and_then(ContentType::from_extension).unwrap_or(ContentType::Binary);
        let tag = format!("\"{}\"", version(&self.content));
        let caching = if self.versioned { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut response = Response::build();
        response.raw_header("Cache-Control", caching).raw_header("ETag", tag.clone());
        if request.headers().get("if-none-match").any(|known| known == tag) {
            return response.status(Status::NotModified).ok();
        }
        let data = self.content.data;
        response.header(kind).sized_body(data.len(), std::io::Cursor::new(data)).ok()
    }
}
